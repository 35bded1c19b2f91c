"""Indexes of the definitions: by id, and by everything else they are looked up by.

An index maps to the document's key in its TinyDB table. Documents that people put in
through TinyDB's own verbs are indexed as far as they have the fields.
"""

from __future__ import annotations

from typing import Any

from luajobs_kit.store.definitions.journal_format import JSONDict

Place = tuple[str, Any]
"""The name of an index, and a value in it."""


def digits_of(number: str) -> str:
    return "".join(character for character in number if character.isdecimal())


class Indexes:
    """Follows the tables by ``change``, called with a document's old state and its new one."""

    def __init__(self) -> None:
        self._unique: dict[Place, str] = {}
        self._groups: dict[Place, dict[str, None]] = {}

    def key(self, index: str, value: Any) -> str | None:
        """Return the TinyDB key of the document at a place of its own.

        Indexes: a table's name (by id; settings by name), ``identity`` (agent, user,
        name), ``idempotency``, ``email``, ``phone``.
        """
        return self._unique.get((index, value))

    def group(self, index: str, value: Any) -> tuple[str, ...]:
        """Return the keys of all documents at a shared place, oldest first.

        Indexes: ``name`` (agent, name) of jobs, ``job`` of versions.
        """
        return tuple(sorted(self._groups.get((index, value), ()), key=int))

    def change(self, table: str, key: str, old: JSONDict | None, new: JSONDict | None) -> None:
        before, after = _places(table, old), _places(table, new)
        if before == after and before[0]:  # most updates move nothing
            # Another document may have held the place; the newest has it.
            for place in after[0]:
                self._unique[place] = key
            return
        for place in before[0]:
            if self._unique.get(place) == key:
                del self._unique[place]
        for place in before[1]:
            members = self._groups[place]
            del members[key]
            if not members:
                del self._groups[place]
        for place in after[0]:
            self._unique[place] = key
        for place in after[1]:
            self._groups.setdefault(place, {})[key] = None


def name_of(table: str, document: JSONDict) -> str:
    """Return what a document of ``table`` is known by (empty: it has no such field)."""
    return str(document.get("name" if table == "settings" else "id", ""))


def _places(table: str, document: JSONDict | None) -> tuple[list[Place], list[Place]]:
    """Return where a document is: places of its own, and places it shares."""
    if document is None:
        return [], []
    own: list[Place] = [(table, name_of(table, document))]
    shared: list[Place] = []
    if table == "jobs":
        agent, name = str(document.get("agentId")), str(document.get("name"))
        user = document.get("userId")
        own.append(("identity", (agent, None if user is None else str(user), name)))
        shared.append(("name", (agent, name)))
    elif table == "versions":
        shared.append(("job", str(document.get("jobId"))))
        if document.get("key") is not None:
            own.append(("idempotency", str(document["key"])))
    elif table == "users" and isinstance(profile := document.get("profile"), dict):
        own += [("email", plain(str(each))) for each in _listed(profile, "emailAddresses")]
        own += [("phone", digits_of(str(each))) for each in _listed(profile, "mobileNumbers")]
    return own, shared


def _listed(profile: JSONDict, name: str) -> list[Any]:
    value = profile.get(name)
    return value if isinstance(value, list) else []


def plain(email: str) -> str:
    return email.strip().casefold()
