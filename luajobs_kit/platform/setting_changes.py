"""Changes of settings by item: ``http_hosts+``, ``http_hosts-`` and ``env.NAME``, and hosts' own rules."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened

_HOST: Final = re.compile(r"[^\s/:@?#\[\],;\\]+")


def whole(changes: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Return ``changes`` with those of single items made changes of whole settings.

    ``kept`` are the settings as they are. ``NAME+`` and ``NAME-`` take an item of a list, or several;
    ``env.NAME`` a value, or None, which removes it. Raises ``InvalidInput``, before anything is
    changed, for what cannot be.
    """
    found: dict[str, Any] = {}
    for name, value in changes.items():
        if name.startswith("env.") and len(name) > len("env."):
            env = dict(found.get("env", kept.get("env")) or {})
            _change_env(env, name.removeprefix("env."), value)
            found["env"] = env
        elif name.endswith(("+", "-")):
            setting = name[:-1]
            now = found.get(setting, kept.get(setting))
            if not isinstance(now, list):
                known = ", ".join(each for each, one in kept.items() if isinstance(one, list))
                raise InvalidInput(
                    f"{setting} is no list; += and -= are for {known}.", field=setting
                )
            items = value if isinstance(value, list) else [value]
            change = _added if name.endswith("+") else _removed
            found[setting] = change(list(now), items, setting)
        else:
            found[name] = value
    before = kept.get("http_hosts") or []
    given = found.get("http_hosts")
    for host in given if isinstance(given, list) else ():
        if isinstance(host, str) and host not in before:
            check_host(host)
    return found


def _change_env(env: dict[str, str], name: str, value: Any) -> None:
    if value is None and name not in env:
        meant = did_you_mean(name, env)
        raise InvalidInput(f"env.{name} is not set.{meant}", field=f"env.{name}")
    if value is None:
        del env[name]
    else:
        env[name] = value


def _added(now: list[Any], items: list[Any], _: str) -> list[Any]:
    return [*now, *(item for item in items if item not in now)]


def _removed(now: list[Any], items: list[Any], setting: str) -> list[Any]:
    for item in items:
        if item not in now:
            has = ", ".join(map(str, now)) or "none"
            meant = did_you_mean(item, map(str, now)) if isinstance(item, str) else ""
            raise InvalidInput(
                f"{setting} has no {shortened(item)};{meant} it has {has}.",
                field=setting,
            )
    return [each for each in now if each not in items]


def check_host(host: str) -> None:
    """Raise ``InvalidInput`` for what no address can match, with what to write instead."""
    bare = host.partition("://")[2] if "://" in host else host
    if instead := _instead(host, re.split(r"[/?#]", bare, maxsplit=1)[0].rpartition("@")[2]):
        raise InvalidInput(
            f"http_hosts: {host!r:.120} is no host's name, and no address can match it; {instead}.",
            field="http_hosts",
        )


def _instead(host: str, name: str) -> str | None:
    """Return what to write instead of ``host``, or None where that can match."""
    address = name.strip("[]")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        pass
    else:
        return None if host == address else f"write {address}"
    if re.search(r"[\s,;]", host.strip()):
        return "give each host by itself"
    if name.lower().startswith("xn--") or ".xn--" in name.lower():
        try:
            return f"write the name as it is read: {name.encode('ascii').decode('idna')}"
        except UnicodeError:
            return "write the name as it is read"
    plain = re.sub(r":\d*$", "", name).strip()
    if plain.startswith("."):
        return f"write *{plain} for what is below it"
    plain = plain.rstrip(".")
    if host == plain and ".." not in host and _HOST.fullmatch(host):
        return None
    if not plain or ".." in plain or not _HOST.fullmatch(plain):
        return "write a name such as api.example.org, or *.example.org for what is below it"
    ports = ", which covers all its ports" if ":" in name else ""
    return f"write {plain}{ports}"
