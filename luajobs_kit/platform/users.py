"""Users: who they are, what is kept about them, what they are sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from luajobs_kit.clock import Clock
from luajobs_kit.errors import Conflict, InvalidInput, NotAllowed, NotFound
from luajobs_kit.ids import Ids
from luajobs_kit.model import Message, MessagePart, MessageSent, Profile, Role, TextPart, UserRecord
from luajobs_kit.name_rules import check_name, unseen_character
from luajobs_kit.platform.caller import Caller
from luajobs_kit.platform.size_limits import Answer, check_object
from luajobs_kit.store import Put, Store
from luajobs_kit.store.listing import MOST_ANSWERED, MOST_LISTED

Limit = Annotated[int, Field(ge=1, le=1_000)]  # messages at once
MAX_DATA: Final = 262_144  # characters of JSON, kept about one user
MAX_MESSAGE: Final = 262_144  # characters of JSON
MAX_PROFILE: Final = 16_384  # characters of JSON
MAX_ID: Final = 200  # characters
_PARTS: TypeAdapter[list[MessagePart]] = TypeAdapter(list[MessagePart])


class Users:
    """The ``user.*`` verbs."""

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, sent: Callable[[MessageSent], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._sent = sent

    async def ensure(self, user_id: str) -> None:
        """Make the user if there is none of that id. Raises ``InvalidInput`` for what is no id."""
        if self._store.definitions.user(user_id) is None:
            _check_id(user_id)
            await self._make(
                user_id, Profile(user_id=user_id, full_name=user_id.removeprefix("user_")), {}
            )

    async def get(
        self,
        caller: Caller,
        *,
        id: str | None = None,
        email: str | None = None,
        phone: str | None = None,
    ) -> dict[str, Any] | None:
        """Return a user; by e-mail or phone, None when nobody within reach matches."""
        definitions = self._store.definitions
        if email is not None:
            record = definitions.user_with_email(email)
        elif phone is not None:
            record = definitions.user_with_phone(re.sub(r"\D", "", phone))
        else:
            record = self._record(caller, id)
        if record is None or not caller.reaches(record.id):
            return None
        return record.to_json(nones=caller.in_run)

    async def list_(self, caller: Caller) -> list[dict[str, Any]]:
        """Return every user within reach.

        Raises ``InvalidInput`` in a run where they take too much for one answer.
        """
        answer = Answer(
            bounded=caller.in_run,
            which="first {} users",
            advice="get those you need: User.get('user_…')",
        )
        return await answer.add(
            record for record in self._store.definitions.users() if caller.reaches(record.id)
        )

    async def add(
        self,
        caller: Caller,
        *,
        id: str | None = None,
        full_name: str | None = None,
        email_addresses: list[str] | None = None,
        mobile_numbers: list[str] | None = None,
        data: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Add a user of the workspace. Raises ``Conflict`` when that id is taken."""
        _refuse_in_run(caller, "add users")
        user_id = id or self._ids.new("user")
        _check_id(user_id)
        if full_name is not None:
            check_name(full_name, "a user", field="fullName", example="Alice Archer")
        if self._store.definitions.user(user_id) is not None:
            raise Conflict(f"There is a user {user_id!r} already.")
        profile = Profile(
            user_id=user_id,
            full_name=full_name,
            email_addresses=email_addresses or [],
            mobile_numbers=mobile_numbers or [],
        )
        return (await self._make(user_id, profile, data or {})).to_json()

    async def update(
        self,
        caller: Caller,
        *,
        data: dict[str, Any],
        id: str | None = None,
    ) -> dict[str, Any]:
        """Merge ``data`` into what is kept about the user; return all of it."""
        record = self._record(caller, id)
        return await self._keep(record, record.data | data)

    async def replace(
        self,
        caller: Caller,
        *,
        data: dict[str, Any],
        id: str | None = None,
    ) -> dict[str, Any]:
        """Keep exactly ``data`` about the user."""
        return await self._keep(self._record(caller, id), data)

    async def unset(
        self,
        caller: Caller,
        *,
        fields: list[str],
        id: str | None = None,
    ) -> dict[str, Any]:
        """Remove fields from what is kept about the user; return the rest."""
        record = self._record(caller, id)
        kept = {name: value for name, value in record.data.items() if name not in fields}
        return await self._keep(record, kept)

    async def patch(
        self,
        caller: Caller,
        *,
        data: dict[str, Any] | None = None,
        unset: list[str] | None = None,
        id: str | None = None,
    ) -> dict[str, Any]:
        """Merge ``data`` into what is kept and remove the fields of ``unset``, in one step."""
        record = self._record(caller, id)
        left = {name: value for name, value in record.data.items() if name not in (unset or ())}
        return await self._keep(record, left | (data or {}))

    async def clear(self, caller: Caller, *, id: str | None = None) -> dict[str, Any]:
        """Forget what is kept about the user (the profile stays)."""
        return await self._keep(self._record(caller, id), {})

    async def send(
        self,
        caller: Caller,
        *,
        messages: Any,
        id: str | None = None,
        role: Role = "assistant",
        key: str | None = None,
    ) -> dict[str, Any]:
        """Put a message in the user's inbox: parts, one part, or plain text."""
        if role == "user":
            _refuse_in_run(caller, "write in a user's name")
        record = self._record(caller, id)
        if isinstance(messages, str):
            parts: list[MessagePart] = [TextPart(text=messages)]
        else:
            try:
                parts = _PARTS.validate_python(
                    messages if isinstance(messages, list) else [messages]
                )
            except ValidationError as problem:
                raise InvalidInput(
                    "user.send takes text, or parts such as {'type': 'text', 'text': …}, "
                    "{'type': 'image', 'imageUrl': …} or {'type': 'file', 'fileUrl': …}: "
                    + _first(problem),
                ) from None
        if not parts:
            raise InvalidInput("user.send was given no message.")
        check_object({"content": [part.to_json() for part in parts]}, "the message", MAX_MESSAGE)
        message = Message(
            id=self._ids.new("msg"),
            user_id=record.id,
            role=role,
            content=parts,
            created_at=self._clock.now(),
            job_id=caller.job_id,
            job_name=caller.job_name,
            execution_id=caller.execution_id,
        )
        kept = await self._store.history.add_message(message, key)
        if kept.id == message.id:  # not a repeat of a request that was kept before
            self._sent(MessageSent(at=kept.created_at, message=kept))
        return kept.to_json(nones=caller.in_run)

    async def history(
        self,
        caller: Caller,
        *,
        id: str | None = None,
        limit: Limit = 50,
    ) -> list[dict[str, Any]]:
        """Return the user's messages, newest first."""
        record = self._record(caller, id)
        most = MOST_ANSWERED if caller.in_run else MOST_LISTED
        kept = await self._store.history.messages(record.id, limit=limit, most=most)
        return [message.to_json(nones=caller.in_run) for message in kept]

    async def inbox(self, caller: Caller, *, limit: Limit = 50) -> list[dict[str, Any]]:
        """Return everybody's messages, newest first, for the workspace's owner."""
        _refuse_in_run(caller, "read everybody's messages")
        kept = await self._store.history.messages(None, limit=limit)
        return [message.to_json() for message in kept]

    def _record(self, caller: Caller, user_id: str | None) -> UserRecord:
        wanted = user_id or caller.user_id
        if wanted is None:
            raise InvalidInput(
                "A pre-defined job has no user of its own: put the id in its metadata and use "
                "User.get(job.metadata['userId'])."
            )
        if not caller.reaches(wanted):  # said before it is looked up, so that it tells nothing
            raise _out_of_reach(caller, wanted)
        record = self._store.definitions.user(wanted)
        if record is None:
            raise NotFound(
                f"There is no user {wanted!r}. await ws.users.add({wanted!r}) makes one.", id=wanted
            )
        return record

    async def _make(self, user_id: str, profile: Profile, data: dict[str, Any]) -> UserRecord:
        check_object(profile.to_json(), "the profile", MAX_PROFILE)
        check_object(data, "user.data", MAX_DATA)
        now = self._clock.now()
        record = UserRecord(id=user_id, profile=profile, data=data, created_at=now, updated_at=now)
        await self._store.definitions.commit(Put(record))
        return record

    async def _keep(self, record: UserRecord, data: dict[str, Any]) -> dict[str, Any]:
        check_object(data, "user.data", MAX_DATA)
        changed = record.evolve(data=data, updated_at=self._clock.now())
        await self._store.definitions.commit(Put(changed))
        return data


def _check_id(user_id: str) -> None:
    if not user_id.strip() or len(user_id) > MAX_ID or unseen_character(user_id):
        raise InvalidInput(
            f"{user_id[:40]!r} is no user's id: use 1 to {MAX_ID} characters that are seen, "
            "such as user_alice.",
            field="id",
        )


def _out_of_reach(caller: Caller, wanted: str) -> NotAllowed:
    whose = (
        "This job is pre-defined and has no user of its own"
        if caller.user_id is None
        else f"This job's runs reach its own user, {caller.user_id!r}, alone"
    )
    return NotAllowed(
        f"{whose}, so they may not ask for {wanted!r}. The workspace's setting users_reach says "
        "which users runs reach; its owner lets them reach any with "
        "`luajobs settings users_reach=any`.",
        id=wanted,
        setting="users_reach",
    )


def _refuse_in_run(caller: Caller, what: str) -> None:
    if caller.in_run:
        raise NotAllowed(f"Job code may not {what}; do it in the notebook or with `luajobs users`.")


def _first(problem: ValidationError) -> str:
    first = problem.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
