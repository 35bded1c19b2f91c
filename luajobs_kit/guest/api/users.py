"""``User``: whom the job runs for, and whom it may look up."""

from __future__ import annotations

from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.guest.api.records import ReadOnlyRecord, Record, wrap
from luajobs_kit.guest.api.unkept_changes import CopyKind
from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import current


class Profile(ReadOnlyRecord):
    """Who a user is, as the workspace has it."""

    __slots__ = ()

    def _refusal(self, *_given: Any, **_named: Any) -> str:
        return "user.profile is read-only; what you keep about a user goes in user.data"


class UserInstance(HostMade):
    """A user: ``user.data["plan"]`` or ``user.plan``; ``save()`` keeps what was changed."""

    __slots__ = ("_data", "_gone", "_id", "_profile")

    def __init__(self, answer: dict[str, Any]) -> None:
        object.__setattr__(self, "_id", answer["id"])
        object.__setattr__(self, "_profile", wrap(answer.get("profile") or {}))
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
        raise AttributeError(
            f"nothing is kept about this user under {name!r}; user.data.get({name!r}) gives None then"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or hasattr(type(self), name):
            raise AttributeError(f"user.{name} cannot be set; put what you keep in user.data")
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
        answer = await current().call("user.update", {"id": self._id, "data": data})
        return self._replaced(answer, data)

    async def patch(self, data: dict[str, Any] | None = None, *, unset: Any = ()) -> dict[str, Any]:
        """Merge ``data``, remove the fields named by ``unset``; return what is kept."""
        if data is not None:
            await self.update(data)
        return await self.unset(*unset) if unset else self.data

    async def unset(self, *fields: str) -> dict[str, Any]:
        """Remove fields; return what is left."""
        names = (
            list(fields[0]) if len(fields) == 1 and not isinstance(fields[0], str) else list(fields)
        )
        answer = await current().call("user.unset", {"id": self._id, "fields": names})
        gone = {name: None for name in names if type(name) is str}
        return self._replaced(answer, gone)

    async def save(self) -> dict[str, Any]:
        """Keep ``user.data`` as it is now."""
        answer = await current().call("user.replace", {"id": self._id, "data": self._data})
        return self._replaced(answer, self._data)

    async def clear(self) -> None:
        """Remove everything that is kept about the user."""
        await current().call("user.clear", {"id": self._id})
        self._replaced({}, self._data)

    async def send(self, messages: Any) -> Record:
        """Send a text, one message part, or a list of parts; return the message."""
        answer = await current().call("user.send", {"id": self._id, "messages": parts(messages)})
        return wrap(answer)  # type: ignore[no-any-return]

    async def get_chat_history(self, limit: int = 50) -> list[Record]:
        """Return the newest messages, newest first."""
        answer = await current().call("user.history", {"id": self._id, "limit": limit})
        return wrap(answer)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<User {self._id}>"


_USER: Final = CopyKind(
    "user.data",
    lambda user: object.__getattribute__(user, "_data"),
    lambda _: "await user.save() keeps it",
)


def parts(messages: Any) -> list[Any]:
    """Return what may be sent as a list of message parts."""
    if isinstance(messages, str):
        return [{"type": "text", "text": messages}]
    if isinstance(messages, dict):
        return [messages]
    if not isinstance(messages, list | tuple):
        raise InvalidInput(
            f"send() takes a text or a list of parts, not {type(messages).__name__}: "
            'await user.send([{"type": "text", "text": "…"}])'
        )
    return [parts(each)[0] if isinstance(each, str) else each for each in messages]


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
            raise InvalidInput("User.get takes one of: an id, email=…, phone=…")
        answer = await current().call("user.get", chosen)
        return None if answer is None else make(UserInstance, answer)

    @staticmethod
    async def list() -> list[UserInstance]:
        """Return every user of the workspace."""
        return [make(UserInstance, each) for each in await current().call("user.list")]
