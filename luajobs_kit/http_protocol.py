"""The protocol of server and client: paths, headers, and an error's envelope.

A verb is ``POST /kit/v1/{verb}`` with its arguments as one JSON object (``luajobs_kit.port_schema``
reads and writes them); every answer is Lua's envelope. Nothing heavy is imported here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from luajobs_kit import errors
from luajobs_kit.errors import LuaJobsError

PREFIX: Final = "/kit/v1"
KEY_HEADER: Final = "X-Idempotency-Key"
USER_HEADER: Final = "X-Lua-User"  # percent-encoded
REACH_HEADER: Final = "X-Luajobs-Reach"  # "own" in a tool call: see ``acting.reaching``
VERSION_HEADER: Final = "X-Luajobs-Version"
HEARTBEAT: Final = 5.0  # seconds between the comments that keep a quiet stream known to be alive
MAX_BODY: Final = 4 * 2**20  # bytes of a request; a job's source is at most 256,000 characters
STATUS: Final[Mapping[type[LuaJobsError], int]] = {
    errors.InvalidInput: 400,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.ToolError: 422,
    errors.VersionMismatch: 426,
    errors.UnsupportedPlatform: 501,
    errors.EngineUnavailable: 503,
    errors.ToolUnavailable: 503,
    errors.StorageFull: 507,
    errors.WorkspaceGone: 503,
}
"""HTTP statuses; a subclass answers with the nearest class that is listed, else 500."""


def status_of(error: LuaJobsError) -> int:
    """Return the HTTP status that says the same as the error."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def write_error(error: LuaJobsError, status: int | None = None) -> bytes:
    """Return the error's envelope."""
    envelope = {
        "message": error.message,
        "statusCode": status or status_of(error),
        "code": error.code,
        "details": error.details,
    }
    if (seconds := error.details.get("retry_after")) is not None:
        envelope["retryAfterSeconds"] = seconds
    # Lua's own client shows the message that stands beside the error, not the one inside it.
    beside = {"message": envelope["message"], "statusCode": envelope["statusCode"]}
    return json.dumps({"success": False, "error": envelope} | beside, default=str).encode()


def read_error(body: bytes, status: int) -> LuaJobsError:
    """Return the error of an envelope, as the class it was raised as."""
    try:
        envelope = json.loads(body)["error"]
        return errors.rebuild(
            envelope.get("code", ""), envelope["message"], envelope.get("details")
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        shown = body[:200].decode("utf-8", "replace")
        return LuaJobsError(f"The engine answered {status}: {shown}")
