"""Signatures: a pydantic model made of a typed function's arguments, and its errors in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from luajobs_kit.errors import InvalidInput


def arguments_of(function: Callable[..., Any], what: str) -> type[BaseModel]:
    """Return a model with one field a parameter; unannotated ones take any JSON.

    Raises ``InvalidInput`` for a function that is called otherwise than by names.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InvalidInput(
            f"{what}: an annotation names {error.name!r}, which cannot be found from the module; "
            "import or define it there, not inside a function."
        ) from error
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise InvalidInput(
                f"{what}: its parameter {parameter} cannot be given by name; name each argument."
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints.get(parameter.name, Any), default)
    return create_model(
        f"{function.__name__}_arguments", __config__=ConfigDict(extra="forbid"), **fields
    )


def values_of(model: BaseModel) -> dict[str, Any]:
    """Return the validated arguments by name, models kept as models."""
    return {name: getattr(model, name) for name in type(model).model_fields}


def first_problem(problem: ValidationError) -> tuple[str, str]:
    """Return the first wrong field's path, and what is wrong with it in words."""
    first = problem.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    given = first.get("input")
    words = first["msg"]
    if first["type"] == "missing":
        words = "is required"
    elif not isinstance(given, Mapping):
        shown = repr(given)
        words += f" (given: {shown if len(shown) <= 60 else shown[:57] + '…'})"
    others = problem.error_count() - 1
    if others:
        rest = ", ".join(".".join(map(str, one["loc"])) for one in problem.errors()[1:])
        words += f"; also wrong: {rest}"
    return field, words
