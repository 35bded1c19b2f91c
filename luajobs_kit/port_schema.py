"""The port's verbs on the wire: requests and answers, derived from ``Port``'s annotations.

Server and client both take them from here, so they cannot disagree. The models are built when
a verb is first used: a command line uses few.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic.alias_generators import to_camel

from luajobs_kit.errors import InvalidInput
from luajobs_kit.http_protocol import MAX_BODY, PREFIX
from luajobs_kit.json_walk import check_json
from luajobs_kit.model import invalid
from luajobs_kit.port import Port

STREAMS: Final = frozenset({"events", "offer"})
LOCAL: Final = frozenset({"aclose"})

NOT_REPEATED: Final = frozenset({"delete_job", "deploy_jobs", "write_log", "answer", "call_tool"})
"""Verbs that are not asked a second time when the answer to the first was lost."""


class _Request(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", allow_inf_nan=False
    )


class Verb:
    """One verb of the port, ready to be written and read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = f"{PREFIX}/{name}"
        self._method = getattr(Port, name)
        parameters = inspect.signature(self._method).parameters
        self.keyed = "key" in parameters
        self.parameters = [
            parameter for parameter in parameters.values() if parameter.name not in {"self", "key"}
        ]
        self.repeatable = name not in NOT_REPEATED

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self._method, include_extras=True)

    @property
    def summary(self) -> str:
        """The first line of the verb's contract."""
        return (inspect.getdoc(self._method) or "").partition("\n")[0]

    @cached_property
    def request(self) -> type[BaseModel]:
        """The model of its arguments."""
        fields: dict[str, Any] = {
            parameter.name: (
                self._hints[parameter.name],
                ... if parameter.default is parameter.empty else parameter.default,
            )
            for parameter in self.parameters
        }
        return create_model(f"{self.name}_request", __base__=_Request, **fields)

    @cached_property
    def answer(self) -> TypeAdapter[Any]:
        """The type of what it returns (for a stream: of one item)."""
        hint = self._hints["return"]
        return TypeAdapter(hint.__args__[0] if self.name in STREAMS else hint)

    def write_request(self, arguments: Mapping[str, Any]) -> bytes:
        """Return the arguments as JSON. Raises ``InvalidInput`` naming what is not JSON."""
        check_arguments(arguments)
        try:
            given = self.request.model_validate(dict(arguments))
            body = given.model_dump_json(by_alias=True, exclude_none=True).encode()
        except ValidationError as problem:
            raise invalid(self.name, problem) from None
        if len(body) > MAX_BODY:
            raise InvalidInput(
                f"{self.name}: {len(body)} bytes are more than one request may carry ({MAX_BODY})."
            )
        return body

    def read_request(self, body: bytes) -> dict[str, Any]:
        """Return the arguments by name. Raises ``InvalidInput`` naming the field."""
        try:
            given = self.request.model_validate_json(body or b"{}")
        except ValidationError as problem:
            raise invalid(self.name, problem) from None
        return {name: getattr(given, name) for name in given.model_fields_set}

    def write_answer(self, value: Any) -> bytes:
        """Return the whole envelope of an answer."""
        data = self.answer.dump_json(value, by_alias=True, exclude_none=True)
        return b'{"success":true,"data":' + data + b"}"

    def read_answer(self, body: bytes) -> Any:
        """Return the value inside the envelope."""
        return self.answer.validate_python(json.loads(body)["data"])


@cache
def verb(name: str) -> Verb:
    """Return the verb of that name; ``KeyError`` when the port has none."""
    if name not in VERBS and name not in STREAMS:
        raise KeyError(name)
    return Verb(name)


VERBS: Final = tuple(
    name for name in vars(Port) if not name.startswith("_") and name not in STREAMS | LOCAL
)
"""Every verb that is a question with one answer."""


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Raise ``InvalidInput`` with the path of the first value that JSON has no form for."""
    for name, value in arguments.items():
        _check_argument(value, name)


def _check_argument(value: Any, path: str) -> None:
    match value:
        case Mapping() if (
            path == "arguments"
        ):  # of a verb of the platform: known by their own names
            for name, item in value.items():
                _check_argument(item, name if isinstance(name, str) else path)
        case datetime():
            pass
        case BaseModel():
            for name in type(value).model_fields:
                _check_argument(getattr(value, name), name if path == "spec" else f"{path}.{name}")
        case list() | tuple():
            for index, item in enumerate(value):
                _check_argument(item, f"{path}[{index}]")
        case _:
            check_json(value, path, deepest=sys.maxsize)
