"""``User``: whom the job runs for, and whom it may look up."""

from __future__ import annotations

from typing import Any, Final

from luajobs_kit.errors import InvalidInput, NotAllowed
from luajobs_kit.field_changes import field_names, read_changes
from luajobs_kit.guest.api.json_objects import to_object, to_plain
from luajobs_kit.guest.api.records import (
    Message,
    ReadOnlyRecord,
    Record,
    filled,
    message,
    several,
    wrap,
)
from luajobs_kit.guest.api.spoken import spoken_as
from luajobs_kit.guest.api.unkept_changes import CopyKind
from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.record import not_kept, read_only


class Profile(ReadOnlyRecord):
    """Who a user is, as the workspace has it."""

    __slots__ = ()

    def _refusal(self, *_given: Any, **_named: Any) -> str:
        return "user.profile is read-only; what you keep about a user goes in user.data"


@spoken_as("user")
class UserInstance(HostMade):
    """A user: ``user.data["plan"]`` or ``user.plan``; ``save()`` keeps what was changed."""

    __slots__ = ("_data", "_gone", "_id", "_profile")

    def __init__(self, answer: dict[str, Any]) -> None:
        object.__setattr__(self, "_id", answer["id"])
        object.__setattr__(self, "_profile", wrap(filled("profile", answer["profile"])))
        data = answer.get("data") or {}
        object.__setattr__(self, "_data", wrap(data))
        current().copies.track(self, _USER, (_USER.name, self.id), data)

    @property
    def id(self) -> str:
        return str(self._id)

    @property
    def data(self) -> dict[str, Any]:
        return self._data  # type: ignore[no-any-return]

    @property
    def profile(self) -> Record:
        """Who they are; read-only: ``user_id full_name mobile_numbers email_addresses``."""
        return wrap(dict(self._profile), Profile)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        data = object.__getattribute__(self, "_data")
        if name in data:
            return data[name]
        raise AttributeError(not_kept("user", self.id, name, data))

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or hasattr(type(self), name):
            raise NotAllowed(read_only("user", name))
        self._data[name] = value

    def __delattr__(self, name: str) -> None:
        if name.startswith("_") or name not in self._data:
            raise AttributeError(f"nothing is kept about this user under {name!r}")
        del self._data[name]

    def _replaced(self, data: Any, given: Any) -> dict[str, Any]:
        """Show what is kept now, after ``given`` was."""
        copies = current().copies
        copies.saved((_USER.name, self.id), given, data, by=self)
        copies.refresh(self._data, data, wrap)
        return self.data

    async def update(self, data: dict[str, Any]) -> dict[str, Any]:
        """Merge ``data`` into what is kept; return all of it."""
        plain = to_object(data, "data")
        answer = await current().call("user.update", {"id": self._id, "data": plain})
        return self._replaced(answer, data)

    async def patch(
        self,
        data: dict[str, Any] | None = None,
        *,
        set: dict[str, Any] | None = None,
        unset: Any = (),
    ) -> dict[str, Any]:
        """Merge fields, remove those named by ``unset``; return what is kept.

        The fields are given as ``data`` or ``set=``, or both as Lua's ``{"set": …, "unset": […]}``.
        """
        changes = read_changes(data, set, unset)
        plain = to_object(changes.set, "data")
        arguments = {"id": self._id, "data": plain, "unset": changes.unset}
        answer = await current().call("user.patch", arguments)
        return self._replaced(answer, {**changes.set, **dict.fromkeys(changes.unset)})

    async def unset(self, *fields: Any) -> dict[str, Any]:
        """Remove fields; return what is left."""
        names = field_names(several(fields))
        answer = await current().call("user.unset", {"id": self._id, "fields": names})
        return self._replaced(answer, dict.fromkeys(names))

    async def save(self) -> dict[str, Any]:
        """Keep ``user.data`` as it is now."""
        plain = to_object(self._data, "data")
        answer = await current().call("user.replace", {"id": self._id, "data": plain})
        return self._replaced(answer, self._data)

    async def clear(self) -> None:
        """Remove everything that is kept about the user."""
        await current().call("user.clear", {"id": self._id})
        self._replaced({}, self._data)

    async def send(self, messages: Any) -> Message:
        """Send a text, one message part, or a list of parts; return the message."""
        parts = list(messages) if isinstance(messages, list | tuple) else [messages]
        plain = [
            {"type": "text", "text": part} if isinstance(part, str) else part for part in parts
        ]
        arguments = {"id": self._id, "messages": to_plain(plain, "messages")}
        return message(await current().call("user.send", arguments))

    async def get_chat_history(self, limit: int = 50) -> list[Message]:
        """Return the newest messages, newest first."""
        return await history_of(self._id, limit)

    def __repr__(self) -> str:
        return f"<User {self._id}>"


_USER: Final = CopyKind(
    "user.data",
    lambda user: object.__getattribute__(user, "_data"),
    lambda _: "await user.save() keeps it",
)


async def history_of(user_id: Any, limit: Any) -> list[Message]:
    answer = await current().call("user.history", _given(id=user_id, limit=limit))
    return [message(each) for each in answer]


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


@spoken_as("User")
class User(HostMade):
    """Users of the workspace."""

    __slots__ = ()

    @staticmethod
    async def get(
        user_id: str | dict[str, str] | None = None,
        *,
        email: str | None = None,
        phone: str | None = None,
    ) -> UserInstance | None:
        """Return the user with this id, e-mail or phone; without any, whom the job runs for.

        Raises ``NotFound`` for an unknown id; an e-mail or phone nobody has gives None.
        """
        wanted: dict[str, Any] = dict(user_id) if isinstance(user_id, dict) else {"id": user_id}
        wanted |= {"email": email, "phone": phone} if email or phone else {}
        chosen = {key: value for key, value in wanted.items() if value is not None}
        if len(chosen) > 1:
            raise InvalidInput(f"User.get takes one of id, email and phone, not {sorted(chosen)}.")
        answer = await current().call("user.get", chosen)
        return None if answer is None else make(UserInstance, answer)

    @staticmethod
    async def get_chat_history(user_id: str | None = None, limit: int = 50) -> list[Message]:
        """Return the newest messages of a user, newest first; without an id of the job's own."""
        return await history_of(user_id, limit)

    @staticmethod
    async def list() -> list[UserInstance]:
        """Return every user of the workspace."""
        return [make(UserInstance, each) for each in await current().call("user.list")]
