"""``User``: the people jobs serve, the data stored about them, the messages they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from luajobs_kit.api._json_values import to_object, to_plain
from luajobs_kit.api._session import Bound, Session
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.data.records import Attributes
from luajobs_kit.errors import InvalidInput
from luajobs_kit.field_changes import field_names, read_changes
from luajobs_kit.model import Message, Profile
from luajobs_kit.port import Port
from luajobs_kit.record import wrap

Messages = str | Mapping[str, Any] | Sequence[Mapping[str, Any] | str]


@awaited_as("user")
class UserInstance(Attributes):
    """A user. ``user.city`` is ``user.data["city"]``; ``save()`` keeps what was assigned."""

    _noun = "user"

    def __init__(self, record: Mapping[str, Any], session: Session) -> None:
        self._id: str = record["id"]
        self._profile = Profile.model_validate(record["profile"])
        self._data: dict[str, Any] = wrap(record.get("data") or {})
        self._session = session

    @property
    def profile(self) -> Profile:
        """Who the user is: ``full_name``, ``email_addresses``, ``mobile_numbers``; read-only."""
        return self._profile

    async def update(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Merge ``data`` into what is kept, and return all of it."""
        return self._update(await self._ask("update", data=to_object(data, "data")))

    async def patch(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        set: Mapping[str, Any] | None = None,
        unset: Any = (),
    ) -> dict[str, Any]:
        """Merge fields, remove those named by ``unset``, and return what is kept.

        The fields are given as ``data`` or ``set=``, or both as Lua's ``{"set": …, "unset": […]}``.
        """
        changes = read_changes(data, set, unset)
        plain = to_object(changes.set, "data")
        return self._update(await self._ask("patch", data=plain, unset=changes.unset))

    async def unset(self, *fields: Any) -> dict[str, Any]:
        """Remove the fields, and return what is left."""
        names = field_names(fields[0] if len(fields) == 1 else fields)
        return self._update(await self._ask("unset", fields=names))

    async def save(self) -> dict[str, Any]:
        """Keep ``data`` as it is now here, in place of what was kept."""
        return self._update(await self._ask("replace", data=to_object(self._data, "data")))

    async def clear(self) -> None:
        """Forget everything kept about the user; the profile stays."""
        await self._ask("clear")
        self._data = wrap({})

    async def send(self, messages: Messages) -> Message:
        """Put a message in the user's inbox: plain text, one part, or a list of parts.

        Parts are ``{"type": "text", "text": …}``, ``{"type": "image", "imageUrl": …}`` and
        ``{"type": "file", "fileUrl": …}``. Raises ``InvalidInput`` for anything else.
        """
        # Anything but a list is one part; the engine checks each part.
        parts = list(messages) if isinstance(messages, list | tuple) else [messages]
        plain = [
            {"type": "text", "text": part} if isinstance(part, str) else part for part in parts
        ]
        return Message.model_validate(await self._ask("send", messages=to_plain(plain, "messages")))

    async def get_chat_history(self, limit: int = 50) -> list[Message]:
        """Return the user's messages, newest first."""
        return [Message.model_validate(one) for one in await self._ask("history", limit=limit)]

    async def _ask(self, verb: str, **arguments: Any) -> Any:
        return await self._session.ask(Port.call, f"user.{verb}", {"id": self._id, **arguments})

    def _update(self, data: dict[str, Any]) -> dict[str, Any]:
        self._data = wrap(data)
        return self._data

    def __repr__(self) -> str:
        name = f" {self._profile.full_name!r}" if self._profile.full_name else ""
        return f"<User {self._id}{name} data={self._data!r}>"


Users = list[UserInstance]
History = list[Message]


@awaited_as("User")
class User(Bound):
    """Users of a workspace; ``luajobs_kit.User`` is that of the current one."""

    __inside__ = "User"

    @overload
    async def get(self, user_id: str | None = None) -> UserInstance: ...

    @overload
    async def get(self, user_id: Mapping[str, str]) -> UserInstance | None: ...

    @overload
    async def get(self, *, email: str) -> UserInstance | None: ...

    @overload
    async def get(self, *, phone: str) -> UserInstance | None: ...

    async def get(
        self,
        user_id: str | Mapping[str, str] | None = None,
        *,
        email: str | None = None,
        phone: str | None = None,
    ) -> UserInstance | None:
        """Return the acting user, or the one with that id, e-mail address or phone number.

        By e-mail or phone the answer is None when nobody matches; an unknown id raises
        ``NotFound``. As in Lua, ``{"email": …}`` and ``{"phone": …}`` may be given too.
        """
        wanted: dict[str, Any] = {"id": user_id, "email": email, "phone": phone}
        if isinstance(user_id, Mapping):
            wanted = {"id": None, "email": None, "phone": None, **user_id}
        given = {name: value for name, value in wanted.items() if value is not None}
        if len(given) > 1:
            raise InvalidInput(f"User.get takes one of id, email and phone, not {sorted(given)}.")
        session = self._session
        record = await session.ask(Port.call, "user.get", given)
        return None if record is None else UserInstance(record, session)

    async def get_chat_history(self, user_id: str | None = None, limit: int = 50) -> History:
        """Return the newest messages of a user, newest first; without an id of the acting one."""
        arguments = {"limit": limit} if user_id is None else {"id": user_id, "limit": limit}
        answer = await self._session.ask(Port.call, "user.history", arguments)
        return [Message.model_validate(one) for one in answer]

    async def add(
        self,
        user_id: str | None = None,
        *,
        full_name: str | None = None,
        email_addresses: Sequence[str] = (),
        mobile_numbers: Sequence[str] = (),
        data: Mapping[str, Any] | None = None,
    ) -> UserInstance:
        """Add a user to the workspace. Raises ``Conflict`` when that id is taken."""
        session = self._session
        arguments = {
            "id": user_id,
            "fullName": full_name,
            "emailAddresses": list(email_addresses),
            "mobileNumbers": list(mobile_numbers),
            "data": to_object(data or {}, "data"),
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        record = await session.ask(Port.call, "user.add", given)
        return UserInstance(record, session)

    async def list(self) -> Users:
        """Return every user of the workspace."""
        session = self._session
        records = await session.ask(Port.call, "user.list", {})
        return [UserInstance(record, session) for record in records]
