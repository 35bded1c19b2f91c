"""Signatures: a pydantic model made of a typed function's arguments, and its errors in words."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.errors import InvalidInput


def arguments_of(
    function: Callable[..., Any], what: str, described: Mapping[str, str]
) -> type[BaseModel]:
    """Return a model with one field a parameter; unannotated ones take any JSON.

    ``described`` has parameters' descriptions, for those whose annotation has none. Raises
    ``InvalidInput`` for a function that is called otherwise than by names, or takes what JSON
    has no form for.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters.values()
    except NameError as error:
        raise InvalidInput(
            f"{what}: an annotation names {error.name!r}, which cannot be found from the module; "
            "import or define it there, not inside a function."
        ) from error
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{what}: its arguments cannot be read: {error}.") from error
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise InvalidInput(
                f"{what}: its parameter {parameter} cannot be given by name; name each argument."
            )
        if not fields and parameter.name == "self":
            raise InvalidInput(
                f"{what}: it is a method of a class; give that of an object, as `thing."
                f"{function.__name__}`."
            )
        hint = hints.get(parameter.name, Any)
        default = ... if parameter.default is parameter.empty else parameter.default
        if not isinstance(default, FieldInfo) and not _is_described(hint):
            default = Field(default, description=described.get(parameter.name))
        fields[parameter.name] = (hint, default)
    config = ConfigDict(extra="forbid", protected_namespaces=())
    try:
        with warnings.catch_warnings():  # a parameter may be named as a method of models, `copy`
            warnings.simplefilter("ignore", UserWarning)
            model = create_model(f"{function.__name__}_arguments", __config__=config, **fields)
        model.model_json_schema()
    except (NameError, PydanticUserError) as problem:
        reason = str(problem).partition("\n")[0].partition(" Set `arb")[0].rstrip(".")
        raise InvalidInput(
            f"{what}: its arguments cannot be given as JSON: {reason}. Take text, numbers, lists, "
            "dicts or pydantic models, by names without a leading underscore."
        ) from problem
    return model


def _is_described(hint: Any) -> bool:
    return any(getattr(each, "description", None) for each in getattr(hint, "__metadata__", ()))


def without_others(model: type[BaseModel]) -> type[BaseModel]:
    """Return the model as one that refuses fields it does not have, where it says nothing of them."""
    if "extra" in model.model_config or issubclass(model, RootModel):
        return model
    config = ConfigDict(extra="forbid")
    body = {"__module__": model.__module__, "__doc__": model.__doc__, "model_config": config}
    return types.new_class(model.__name__, (model,), exec_body=lambda names: names.update(body))


def json_schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON Schema as models that choose tools read it best.

    Enumerations stand where they are used, and every object says whether it takes other fields.
    """
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    enums = {name: found for name, found in definitions.items() if {"enum", "const"} & found.keys()}
    written: dict[str, Any] = _written(schema, {f"#/$defs/{name}": enums[name] for name in enums})
    for name in enums:
        del written["$defs"][name]
    if not written.get("$defs", True):
        del written["$defs"]
    return written


def _written(part: Any, enums: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_written(item, enums) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("$ref") in enums:
        named = {key: value for key, value in enums[part["$ref"]].items() if key != "title"}
        return {**named, **{key: value for key, value in part.items() if key != "$ref"}}
    written = {key: _written(value, enums) for key, value in part.items()}
    if part.get("type") == "object" and isinstance(part.get("properties"), dict):
        written.setdefault("additionalProperties", False)
    return written


def values_of(model: BaseModel) -> dict[str, Any]:
    """Return the validated arguments by name, models kept as models."""
    return {name: getattr(model, name) for name in type(model).model_fields}


def first_problem(
    problem: ValidationError, model: type[BaseModel] | None = None
) -> tuple[str, str]:
    """Return the first wrong field's path, and what is wrong with it in words.

    ``model`` is what was validated, for the nearest of its fields to one that it has not.
    """
    first = problem.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    given = first.get("input")
    words = first["msg"]
    if first["type"] == "missing":
        words = "is required"
    elif not isinstance(given, Mapping):
        shown = repr(given)
        words += f" (given: {shown if len(shown) <= 60 else shown[:57] + '…'})"
    if first["type"] == "extra_forbidden" and model is not None and len(first["loc"]) == 1:
        words += f".{did_you_mean(field, model.model_fields)}"
    others = problem.error_count() - 1
    if others:
        rest = ", ".join(".".join(map(str, one["loc"])) for one in problem.errors()[1:])
        words += f"; also wrong: {rest}"
    return field, words
