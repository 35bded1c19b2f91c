"""Bodies and envelopes: reading the one within bounds, writing the other."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from luajobs_kit import http_protocol
from luajobs_kit.errors import InvalidInput, LuaJobsError
from luajobs_kit.json_walk import check_json
from luajobs_kit.platform import pieces

DISCARDED: Final = 16 * 2**20  # bytes of a body that is too long, read so that its sender hears why
FAILED: Final = "The engine failed at this; its log (engine.log) says more."
_DEEPEST: Final = 200  # levels of a body; what is kept may have half as many
PATIENCE: Final = 30.0  # seconds a client may take to send its body

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class HttpRefusal(LuaJobsError):
    """A request that is refused for how it was sent, with the HTTP status that says so."""

    code = "refused"

    def __init__(self, status: int, message: str, **details: Any) -> None:
        super().__init__(message, **details)
        self.status = status


async def read_body(request: Request) -> bytes:
    """Return the whole body. Raises ``HttpRefusal`` when it is too long, too slow, or not JSON."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                size += len(part)
                if size > DISCARDED:
                    break
                if size > http_protocol.MAX_BODY:
                    parts.clear()
                else:
                    parts.append(part)
    except TimeoutError:
        raise HttpRefusal(
            408, f"The request's body did not arrive within {PATIENCE:g} s."
        ) from None
    except ClientDisconnect:
        raise HttpRefusal(400, "The client left while it was asking.") from None
    if size > http_protocol.MAX_BODY:
        raise HttpRefusal(413, f"A request's body may take {http_protocol.MAX_BODY} bytes.")
    if size and kind.lower() != "application/json":
        raise HttpRefusal(415, "A request's body must be JSON: 'Content-Type: application/json'.")
    return b"".join(parts)


async def read_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object (an empty body is an empty one). Raises ``InvalidInput``."""
    body = await read_body(request)
    try:
        found = json.loads(body or b"{}", parse_constant=_refuse)
    except (ValueError, RecursionError) as problem:
        raise InvalidInput(f"The request's body is not JSON: {problem}.") from None
    if not isinstance(found, dict):
        raise InvalidInput("The request's body must be a JSON object.")
    check_json(found, "the body", deepest=_DEEPEST)
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def answer(envelope: bytes, status: int = 200) -> Response:
    """Return the response that carries an envelope."""
    return Response(envelope, status, _HEADERS, "application/json")


def success(data: Any, status: int = 200, **beside: Any) -> Response:
    """Return Lua's envelope around plain JSON; ``beside`` stands next to ``data``."""
    envelope = {"success": True, "data": data} | beside
    return answer(json.dumps(envelope, ensure_ascii=False).encode("utf-8", "surrogatepass"), status)


async def many(data: Any, **beside: Any) -> Response:
    """Return what ``success`` does, where there may be much of it: it is written in pieces."""
    parts = []
    for piece in pieces({"success": True, "data": data} | beside):
        parts.append(piece.encode("utf-8", "surrogatepass"))
        await asyncio.sleep(0)
    return answer(b"".join(parts))


async def documents(found: Any) -> bytes | None:
    """Return the envelope of a list of documents, or of one that holds lists of them, else None.

    There may be many megabytes of them: the loop has its turn after each.
    """
    parts = [b'{"success":true,"data":']
    if isinstance(found, BaseModel):
        lists = {
            name: value
            for name in type(found).model_fields
            if _is_documents(value := getattr(found, name))
        }
        if not lists:
            return None
        rest = found.model_dump_json(by_alias=True, exclude_none=True, exclude=set(lists))
        parts.append(rest.removesuffix("}").encode())
        for name, value in lists.items():
            alias = type(found).model_fields[name].alias or name
            parts.append(b'%b"%b":' % (b"" if parts[-1].endswith(b"{") else b",", alias.encode()))
            parts += await _listed(value)
        parts.append(b"}")
    elif _is_documents(found):
        parts += await _listed(found)
    else:
        return None
    return b"".join([*parts, b"}"])


def _is_documents(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], BaseModel)


async def _listed(found: list[BaseModel]) -> list[bytes]:
    parts = []
    for each in found:
        parts.append(each.model_dump_json(by_alias=True, exclude_none=True).encode())
        await asyncio.sleep(0)
    return [b"[", b",".join(parts), b"]"]


def failure(error: LuaJobsError) -> Response:
    """Return the error's envelope with its status."""
    status = error.status if isinstance(error, HttpRefusal) else http_protocol.status_of(error)
    response = answer(http_protocol.write_error(error, status), status)
    if (seconds := error.details.get("retry_after")) is not None:
        response.headers["Retry-After"] = str(max(1, round(seconds)))
    return response


async def send_error(error: LuaJobsError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the error."""
    await failure(error)(scope, receive, send)
