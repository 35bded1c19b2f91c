"""Where a definition is: by id, and by everything else it is looked up by.

An index maps to the document's key in its TinyDB table. Documents that people put in
through TinyDB's own verbs are indexed as far as they have the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from luajobs_kit.store.changes import JSONDict

_Groups = dict[Any, dict[str, None]]  # inner: keys in order


def digits_of(number: str) -> str:
    return "".join(character for character in number if character.isdecimal())


class Indexes:
    """Kept by calling ``discard`` with a document's old state and ``add`` with its new one."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[str, str]] = {}
        self.identity: dict[Any, str] = {}  # by (agent, user, name)
        self.named: _Groups = {}
        self.versions: _Groups = {}
        self.keyed: dict[str, str] = {}
        self.emails: dict[str, str] = {}
        self.phones: dict[str, str] = {}

    def key(self, table: str, id_: str) -> str | None:
        """Return the TinyDB key of the document with this id."""
        keys = self._keys.get(table)
        return None if keys is None else keys.get(id_)

    def name_of(self, table: str, document: JSONDict) -> str:
        """Return what a document of ``table`` is known by (empty: it has no such field)."""
        return str(document.get("name" if table == "settings" else "id", ""))

    def add(self, table: str, key: str, document: JSONDict) -> None:
        self._keys.setdefault(table, {})[self.name_of(table, document)] = key
        for index, value in self._entries(table, document):
            index[value] = key
        for groups, value in self._memberships(table, document):
            groups.setdefault(value, {})[key] = None

    def discard(self, table: str, key: str, document: JSONDict) -> None:
        _drop(self._keys.get(table, {}), self.name_of(table, document), key)
        for index, value in self._entries(table, document):
            _drop(index, value, key)
        for groups, value in self._memberships(table, document):
            members = groups.get(value, {})
            members.pop(key, None)
            if not members:
                groups.pop(value, None)

    def _entries(
        self, table: str, document: JSONDict
    ) -> Iterator[tuple[MutableMapping[Any, str], Any]]:
        if table == "jobs":
            yield self.identity, _texts(document, "agentId", "userId", "name")
        elif table == "versions" and document.get("key") is not None:
            yield self.keyed, str(document["key"])
        elif table == "users":
            profile = document.get("profile")
            if not isinstance(profile, dict):
                return
            for email in profile.get("emailAddresses") or ():
                yield self.emails, str(email).strip().casefold()
            for number in profile.get("mobileNumbers") or ():
                yield self.phones, digits_of(str(number))

    def _memberships(self, table: str, document: JSONDict) -> Iterator[tuple[_Groups, Any]]:
        if table == "jobs":
            yield self.named, _texts(document, "agentId", "name")
        elif table == "versions":
            yield self.versions, str(document.get("jobId"))


def _texts(document: JSONDict, *fields: str) -> tuple[str | None, ...]:
    values = (document.get(field) for field in fields)
    return tuple(None if value is None else str(value) for value in values)


def _drop(index: MutableMapping[Any, str], value: Any, key: str) -> None:
    if index.get(value) == key:  # another document may have taken the value since
        del index[value]
