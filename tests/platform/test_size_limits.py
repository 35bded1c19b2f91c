"""Bounds of what is kept: nobody fills a workspace's definitions by mistake."""

from __future__ import annotations

import pytest

from luajobs_kit import InvalidInput, User, Workspace, acting_as


@pytest.fixture
async def ws():
    async with Workspace.in_process() as workspace:
        yield workspace


async def test_what_is_kept_about_a_user_is_bounded_and_the_way_out_is_said(ws):
    user = await User.get()
    await user.update({"kept": "a" * 200_000})
    for change in (
        user.update({"more": "b" * 100_000}),
        ws.users.add("user_big", data={"all": "c" * 300_000}),
    ):
        with pytest.raises(InvalidInput, match="262,144 is the most") as refused:
            await change
        assert "Keep large data with Data.create(...)" in str(refused.value)
    user.data["more"] = "b" * 100_000
    with pytest.raises(InvalidInput, match=r"user\.data takes about 300,0\d\d characters"):
        await user.save()
    assert list((await User.get()).data) == ["kept"]


async def test_a_profile_and_an_id_are_bounded(ws):
    with pytest.raises(InvalidInput, match="the profile takes about"):
        await ws.users.add("user_many", email_addresses=["a@example.org"] * 5_000)
    for wrong in ("x" * 201, "user\n1"):
        with pytest.raises(InvalidInput, match="is no user's id"):
            await ws.users.add(wrong)
        with pytest.raises(InvalidInput, match="user's id"), acting_as(wrong):
            await User.get()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"env": {"KEY": "sk-secret" * 2_000}}, "The setting env.KEY cannot be what was given"),
        ({"env": {f"K{n}": "v" for n in range(300)}}, "at most 200 items"),
        ({"http_hosts": ["a.example"] * 2_000}, "at most 1000 items"),
        ({"default_user": "u" * 300}, "at most 200 characters"),
    ],
)
async def test_settings_are_bounded_and_a_refusal_shows_no_secret(ws, change, words):
    with pytest.raises(InvalidInput) as refused:
        await ws.settings(**change)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)
    assert len(str(refused.value)) < 200
