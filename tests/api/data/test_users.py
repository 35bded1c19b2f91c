"""Users: who acts, what is kept about them, what they are sent."""

from __future__ import annotations

import pytest

from luajobs_kit import Conflict, InvalidInput, NotAllowed, NotFound, User, acting_as


async def test_there_is_a_current_user_without_set_up(ws):
    user = await User.get()
    assert user.id == (await ws.status()).default_user
    with acting_as("user_alice"):
        assert (await User.get()).id == "user_alice"


async def test_users_are_added_and_found_by_id_mail_and_phone(ws):
    added = await ws.users.add(
        "user_ada",
        full_name="Ada Lovelace",
        email_addresses=["ada@example.org"],
        mobile_numbers=["+44 20 7946 0958"],
        data={"plan": "pro"},
    )
    assert added.profile.full_name == "Ada Lovelace"
    assert (await User.get("user_ada")).plan == "pro"
    assert (await User.get(email="ada@example.org")).id == "user_ada"
    assert (await User.get({"email": "ada@example.org"})).id == "user_ada"
    assert (await User.get(phone="442079460958")).id == "user_ada"
    assert await User.get(email="nobody@example.org") is None
    assert "user_ada" in [user.id for user in await ws.users.list()]
    with pytest.raises(NotFound, match=r"ws\.users\.add"):
        await User.get("user_nobody")
    with pytest.raises(Conflict):
        await ws.users.add("user_ada")
    with pytest.raises(InvalidInput, match="one of id, email and phone"):
        await User.get("user_ada", email="ada@example.org")


async def test_what_is_kept_about_a_user_is_changed_in_every_way(ws):
    user = await User.get()
    assert await user.update({"city": "Paris", "plan": "free"}) == {"city": "Paris", "plan": "free"}
    user.city = "Rome"
    user.data["level"] = 3
    await user.save()
    assert (await User.get()).data == {"city": "Rome", "plan": "free", "level": 3}
    assert await user.unset("level") == {"city": "Rome", "plan": "free"}
    assert await user.patch({"plan": "pro"}, unset=["city"]) == {"plan": "pro"}
    await user.clear()
    assert (await User.get()).data == {}
    with pytest.raises(AttributeError, match="kept: nothing"):
        _ = user.city
    with pytest.raises(NotAllowed, match="read-only"):
        user.id = "user_other"


async def test_messages_of_every_kind_are_kept(ws):
    user = await User.get()
    await user.send("plain text")
    message = await user.send(
        [
            {"type": "text", "text": "see"},
            {"type": "image", "imageUrl": "https://example.org/a.png"},
            {"type": "file", "fileUrl": "https://example.org/a.pdf", "fileName": "a.pdf"},
        ]
    )
    assert (
        message.text == "see\n[image https://example.org/a.png]\n[file https://example.org/a.pdf]"
    )
    assert [one.text for one in await user.get_chat_history()][1:] == ["plain text"]
    assert len(await ws.inbox()) == 2
    with pytest.raises(InvalidInput, match=r"user\.send takes text"):
        await user.send([{"type": "video", "url": "x"}])
