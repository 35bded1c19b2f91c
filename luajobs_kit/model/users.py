"""Users, and the messages they are sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from luajobs_kit.model._document import Document, Instant, Written
from luajobs_kit.record import text_of


class TextPart(Written):
    type: Literal["text"] = "text"
    text: str


class ImagePart(Written):
    type: Literal["image"] = "image"
    image_url: str
    alt_text: str | None = None


class FilePart(Written):
    type: Literal["file"] = "file"
    file_url: str
    file_name: str | None = None
    mime_type: str | None = None


MessagePart = Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]


Role = Literal["user", "assistant"]


class Message(Document):
    """One message in a user's inbox, with the job and execution it came from."""

    id: str
    user_id: str
    role: Role = "assistant"
    content: list[MessagePart]
    created_at: Instant
    thread_id: str | None = None
    job_id: str | None = None
    job_name: str | None = None
    execution_id: str | None = None

    @property
    def text(self) -> str:
        """The message as one plain text."""
        return text_of(part.to_json() for part in self.content)

    def __repr__(self) -> str:
        return f"<Message to {self.user_id}: {self.text!r}>"


class Profile(Document):
    """Who a user is; read-only to jobs (Lua's ``_luaProfile``)."""

    user_id: str
    full_name: str | None = None
    mobile_numbers: list[str] = Field(default_factory=list)
    email_addresses: list[str] = Field(default_factory=list)


class UserRecord(Document):
    """A user of the workspace's agent, with the data kept about them."""

    id: str
    profile: Profile
    data: dict[str, Any] = Field(default_factory=dict)
    created_at: Instant
    updated_at: Instant
