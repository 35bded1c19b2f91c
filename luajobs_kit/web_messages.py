"""Requests to the web as people write them, and answers as they read them; the same on both sides."""

from __future__ import annotations

import base64
import codecs
import hashlib
import json as json_module
import math
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.bytes_in_json import pack, unpack
from luajobs_kit.errors import HttpError, InvalidInput
from luajobs_kit.json_walk import shortened

OPTIONS: Final = (
    "params",
    "headers",
    "json",
    "data",
    "content",
    "files",
    "auth",
    "timeout",
    "follow_redirects",
)
TIMEOUT: Final = 30.0  # seconds, where none is given
FIRST_ERROR: Final = 400  # the first status that is an error

_OF_NAMES: Final = frozenset({"idna", "punycode"})
"""Encodings of hosts' names: a text of 1 MB would take them minutes, and the engine's loop with it."""
_SHOWN: Final = 200  # characters of an answer in an error's message


class Headers(dict[str, str]):
    """Headers of an answer: read by any spelling of their names, which are kept in lower case."""

    __slots__ = ()

    def __init__(self, headers: Any = ()) -> None:
        super().__init__({str(name).lower(): str(each) for name, each in dict(headers).items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header, or ``default`` where there is none of that name."""
        return super().get(name.lower(), default)


def read_request(call: str, method: str, url: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the verb ``http.request`` for a request written by its ``OPTIONS``.

    ``params`` are added to those of the address. The body is one of ``json``, ``content`` (text or
    bytes), ``data`` (fields of a form, text or bytes) and ``files`` with fields as ``data``.
    ``auth`` is a user and a password. Raises ``InvalidInput`` for what cannot be sent.
    """
    for name in options:
        if name not in OPTIONS:
            raise InvalidInput(
                f"{call} has no {name!r};{did_you_mean(name, OPTIONS)} it takes url, "
                f"{', '.join(OPTIONS)}.",
                field=name,
            )
    if not isinstance(url, str):
        raise InvalidInput(f"{call} takes the address as text, not {type(url).__name__}.")
    if not url.lower().startswith(("http://", "https://")):
        raise InvalidInput(f"{url[:80]!r} is no http or https address.", field="url")
    timeout = options.get("timeout", TIMEOUT)
    if isinstance(timeout, tuple | list) and timeout:
        timeout = max(timeout, key=lambda each: each or 0)  # to connect, and to read
    headers = {str(name): str(each) for name, each in _pairs(options.get("headers"), "headers")}
    kind, body = _body(call, options)
    if kind and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    if options.get("auth") is not None:
        headers["Authorization"] = _basic(call, options["auth"])
    arguments: dict[str, Any] = {
        "method": method,
        "url": _with_params(url, options.get("params")),
        "headers": headers,
        "followRedirects": bool(options.get("follow_redirects", True)),
    }
    if timeout is not None:
        arguments["timeout"] = check_seconds(timeout)
    if body is not None:
        arguments["body"] = pack(body)
    return arguments


def _pairs(given: Any, what: str) -> list[tuple[Any, Any]]:
    if given is None:
        return []
    if isinstance(given, dict):
        return list(given.items())
    try:
        return [(name, value) for name, value in given]
    except (TypeError, ValueError):
        raise InvalidInput(
            f"{what} takes a dict or pairs, not {type(given).__name__}.", field=what
        ) from None


def _fields(given: Any, what: str) -> list[tuple[str, Any]]:
    """Return names and values as a form has them: a list gives its name several times."""
    found = []
    for name, value in _pairs(given, what):
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None:
                shown = str(each).lower() if isinstance(each, bool) else each
                found.append((str(name), shown if isinstance(shown, bytes) else str(shown)))
    return found


def _with_params(url: str, params: Any) -> str:
    query = params if isinstance(params, str) else urlencode(_fields(params, "params"))
    if not query:
        return url
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"


def _body(call: str, options: dict[str, Any]) -> tuple[str | None, str | bytes | None]:
    """Return the body and its type, where it says one."""
    given = [name for name in ("json", "content", "data") if options.get(name) is not None]
    files = options.get("files")
    if len(given) > 1 or (files and given not in ([], ["data"])):
        named = ", ".join([*given, *(["files"] if files else [])])
        raise InvalidInput(f"{call} takes one body, not several: {named}.")
    if files:
        return _multipart(_fields(options.get("data"), "data"), files)
    match given:
        case ["json"]:
            try:
                text = json_module.dumps(options["json"], ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as problem:
                raise InvalidInput(f"{call}: json cannot be written: {problem}.") from None
            return "application/json", text.encode("utf-8", "replace").decode()
        case ["content"]:
            return None, _plain(call, "content", options["content"])
        case ["data"] if isinstance(options["data"], str | bytes | bytearray):
            return None, _plain(call, "data", options["data"])
        case ["data"]:
            form = urlencode(_fields(options["data"], "data"))
            return "application/x-www-form-urlencoded", form
    return None, None


def _plain(call: str, name: str, value: Any) -> str | bytes:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise InvalidInput(
        f"{call} takes {name} as text or bytes, not {type(value).__name__}; json=… sends JSON.",
        field=name,
    )


def _basic(call: str, auth: Any) -> str:
    if not isinstance(auth, tuple | list) or len(auth) != 2:
        raise InvalidInput(
            f"{call} takes auth=(user, password); for a token write "
            'headers={"Authorization": f"Bearer {token}"}.',
            field="auth",
        )
    joined = f"{auth[0]}:{auth[1]}".encode()
    return "Basic " + base64.b64encode(joined).decode("ascii")


def _multipart(fields: list[tuple[str, Any]], files: Any) -> tuple[str, bytes]:
    """Return a form with files (RFC 7578)."""
    parts: list[tuple[str, str | None, bytes]] = [
        (f'form-data; name="{_quoted(name)}"', None, _bytes(value)) for name, value in fields
    ]
    for name, file in _pairs(files, "files"):
        filename, value, kind = str(name), file, "application/octet-stream"
        if isinstance(file, tuple | list):
            filename, value, *more = file
            kind = more[0] if more and more[0] else kind
        elif isinstance(getattr(file, "name", None), str):
            filename = file.name.rpartition("/")[2]
        head = f'form-data; name="{_quoted(name)}"; filename="{_quoted(filename)}"'
        parts.append((head, str(kind), _bytes(value)))
    mark = hashlib.sha256(b"\0".join(content for _, _, content in parts)).hexdigest()[:32]
    lines: list[bytes] = []
    for head, kind_, content in parts:
        typed = f"\r\nContent-Type: {kind_}" if kind_ else ""
        lines += [f"--{mark}\r\nContent-Disposition: {head}{typed}\r\n".encode(), content]
    body = b"\r\n".join([*lines, f"--{mark}--\r\n".encode()])
    return f"multipart/form-data; boundary={mark}", body


def _quoted(name: Any) -> str:
    return str(name).replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _bytes(value: Any) -> bytes:
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise InvalidInput(
        f"files takes text, bytes or something to read, not {type(value).__name__}.", field="files"
    )


def content_of(answer: dict[str, Any]) -> bytes:
    """Return an answer's body as it came."""
    if answer.get("content") is not None:
        content: bytes = unpack(answer["content"])
        return content
    return text_of_body(answer).encode()


def text_of_body(answer: dict[str, Any]) -> str:
    """Return an answer's body as text; what no encoding reads is replaced."""
    body = answer.get("body")
    if body is None:
        return content_of(answer).decode("utf-8", "replace") if answer.get("content") else ""
    return str(body)


def read_text(content: bytes, encoding: str | None) -> str | None:
    """Return a body as text: by the encoding that its host names, else as UTF-8; None for no text.

    An encoding that is none of texts is not used.
    """
    if encoding is not None:
        try:
            if codecs.lookup(encoding).name not in _OF_NAMES:
                return content.decode(encoding, errors="replace")
        except (LookupError, UnicodeError):
            pass
    try:
        return content.decode("utf-8")
    except UnicodeError:
        return None


def check_seconds(timeout: Any) -> float:
    """Return the seconds that a request may take. Raises ``InvalidInput`` for what is no such length."""
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, int | float)
        or not 0 < timeout < math.inf
    ):
        raise InvalidInput(
            f"timeout={shortened(timeout)} is no number of seconds above 0.", field="timeout"
        )
    return float(timeout)


def body_of(content: bytes, text: str | None) -> dict[str, Any]:
    """Return the parts of an answer that are its body: the text where there is one, and the bytes.

    ``text`` None is for what is no text.
    """
    if text is None:
        return {"content": pack(content)}
    return {"body": text} | (
        {} if text.encode("utf-8", "replace") == content else {"content": pack(content)}
    )


def phrase_of(status: int) -> str:
    """Return a status in words, such as ``Not Found``; nothing for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def refuse_error(response: Any, answer: dict[str, Any], kind: type[HttpError] = HttpError) -> None:
    """Raise ``HttpError``, or a ``kind`` of it, for an answer of 400 and above."""
    status = int(answer["status"])
    if status < FIRST_ERROR:
        return
    text = text_of_body(answer).strip()
    phrase = f" {phrase_of(status)}".rstrip()
    said = f": {text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}" if text else ""
    error = kind(
        f"{answer.get('url', 'the server')} answered {status}{phrase}{said}", status_code=status
    )
    error.response, error.kind = response, "BadStatus"
    raise error
