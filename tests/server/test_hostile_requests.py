"""Hostile requests: whatever is sent, the engine answers with an envelope and goes on."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luajobs_kit import http_protocol, port_schema
from luajobs_kit.server import openapi

SHARED = settings(
    max_examples=settings.default.max_examples // 2,
    # The engine is shared on purpose: it must survive all of it.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
QUESTIONS = sorted(set(port_schema.VERBS) - {"wait_execution", "simulate", "settings", "doctor"})


def named(verb):
    """Bodies with the verb's own argument names and any values in them."""
    names = [parameter.name for parameter in port_schema.verb(verb).parameters]
    return st.dictionaries(st.sampled_from([*names, "extra"]), VALUES, max_size=4)


def told_in_an_envelope(answer):
    told = answer.json()
    assert set(told) <= {"success", "data", "error", "message", "statusCode"}, told
    unoffered = told.get("error", {}).get("code") == "tool_unavailable"
    assert answer.status_code < 500 or unoffered, told
    assert told["success"] == (answer.status_code < 300)
    if not told["success"]:
        assert told["error"]["statusCode"] == answer.status_code
        assert told["error"]["message"]


@SHARED
@given(data=st.data())
async def test_any_json_to_any_verb_is_answered_or_refused(http, data):
    verb = data.draw(st.sampled_from(QUESTIONS))
    body = data.draw(named(verb) | VALUES)
    told_in_an_envelope(await http.post(f"/kit/v1/{verb}", json=body))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("wait_execution", '{"execution_id": "exec_0", "timeout": %s}'),
        ("offer", '{"tools": [{"name": "a", "timeout": %s}]}'),
        ("settings", '{"changes": {"timeout_ceiling": %s}}'),
        ("settings", '{"changes": {"keep_days": %s}}'),
        ("preview", '{"schedule": {"type": "interval", "seconds": %s}}'),
        ("preview", '{"schedule": {"type": "once", "after": %s}}'),
        (
            "call",
            '{"verb": "http.request", "arguments": {"url": "http://a.example", "timeout": %s}}',
        ),
    ],
)
async def test_a_length_of_time_that_no_timer_can_take_is_refused(http, verb, body, number):
    answer = await http.post(f"/kit/v1/{verb}", content=body % number)
    assert answer.status_code == 400, answer.text


@SHARED
@given(verb=st.sampled_from(QUESTIONS), body=st.binary(max_size=200))
async def test_any_bytes_to_any_verb_are_refused_or_answered(http, verb, body):
    told_in_an_envelope(await http.post(f"/kit/v1/{verb}", content=body))


@SHARED
@given(
    path=st.sampled_from(
        [
            "/developer/jobs/{a}/{x}",
            "/developer/jobs/{a}/{x}/executions?limit={x}",
            "/developer/agents/{a}/logs?limit={x}&page={x}&logType={x}",
            "/developer/agents/{a}/custom-data/{x}?filter={x}",
            "/developer/agents/{a}/custom-data/{x}/search?searchText={x}&scoreThreshold={x}",
            "/developer/agents/{a}/products?filter={x}&limit={x}",
            "/developer/user/profile/{x}/{x}",
            "/developer/user/data/agent/{a}/user/{x}",
        ]
    ),
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)
async def test_any_text_in_luas_paths_is_refused_or_answered(http, agent, path, text):
    from urllib.parse import quote

    told_in_an_envelope(await http.get(path.format(a=agent, x=quote(text, safe=""))))


@pytest.mark.parametrize("depth", [50, 1_000, 200_000])
async def test_deep_json_is_refused(http, agent, depth):
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    for path in ("/kit/v1/update_metadata", "/kit/v1/create_job"):
        told_in_an_envelope(
            await http.post(path, content=b'{"jobId":"x","changes":' + nested + b"}")
        )
    told_in_an_envelope(await http.put(f"/developer/jobs/{agent}/x/metadata", content=nested))
    told_in_an_envelope(
        await http.get(f"/developer/agents/{agent}/products", params={"filter": nested[:3000]})
    )


@pytest.mark.parametrize(("depth", "status"), [(98, 201), (150, 400), (300, 400), (200_000, 400)])
async def test_an_entry_is_kept_only_if_it_can_be_answered(http, agent, depth, status):
    nested = b'{"a":' * depth + rb'"\u00e9"' + b"}" * depth
    path = f"/developer/agents/{agent}/custom-data/deep"
    answer = await http.post(path, content=b'{"data":' + nested + b"}")
    told_in_an_envelope(answer)
    assert answer.status_code == status
    assert answer.content.decode("utf-8")
    found = await http.get(path)
    assert found.status_code == 200
    assert found.content.decode("utf-8")


async def test_half_of_a_surrogate_pair_is_refused_with_its_place(http, agent):
    path = f"/developer/agents/{agent}/custom-data/halves"
    answer = await http.post(path, content=rb'{"data": {"a": ["\ud800"]}}')
    told_in_an_envelope(answer)
    assert answer.status_code == 400
    assert "the body['data']['a'][0] has half of a surrogate pair" in answer.text


async def test_a_filter_by_a_position_no_array_has_is_answered(http, agent):
    path = f"/developer/agents/{agent}/custom-data/positions"
    await http.post(path, json={"data": {"tags": ["a"]}})
    wanted = {"filter": json.dumps({"tags." + "9" * 5_000: 1})}
    answer = await http.get(path, params=wanted)
    assert (answer.status_code, answer.json()["data"]["data"]) == (200, [])


async def test_numbers_that_nothing_can_be_counted_by_are_refused(http, agent):
    for verb, body in (
        ("list_executions", {"offset": 2**70}),
        ("list_executions", {"limit": 2**70}),
        ("logs", {"query": {"page": 2**70}}),
        ("logs", {"query": {"limit": 2**70}}),
        ("logs", {"query": {"after": 2**70}}),
        ("logs", {"query": {"context": 2**70}}),
        ("preview", {"schedule": {"type": "interval", "seconds": 1}, "count": 2**70}),
        ("preview", {"schedule": {"type": "interval", "seconds": 1e300}}),
        ("wait_execution", {"executionId": "x", "timeout": 1e300}),
        ("call", {"verb": "user.inbox", "arguments": {"limit": 2**70}}),
        ("call", {"verb": "data.get", "arguments": {"collection": "x", "page": 2**70}}),
        ("call", {"verb": "products.get", "arguments": {"page": 2**70, "limit": 2**70}}),
    ):
        told_in_an_envelope(await http.post(f"/kit/v1/{verb}", json=body))
    huge = str(2**70)
    for path in (
        f"/developer/agents/{agent}/logs?page={huge}&limit={huge}",
        f"/developer/agents/{agent}/custom-data/x?page={huge}&limit={huge}",
        f"/developer/agents/{agent}/products?page={huge}&limit={huge}",
    ):
        told_in_an_envelope(await http.get(path))


async def test_numbers_that_json_has_not_are_refused(http, agent):
    for number in (b"NaN", b"Infinity", b"1e999", b"1" * 5_000):
        body = b'{"jobId":"x","changes":{"n":' + number + b"}}"
        told_in_an_envelope(await http.post("/kit/v1/update_metadata", content=body))
        told_in_an_envelope(
            await http.put(f"/developer/user/data/agent/{agent}", content=b'{"n":' + number + b"}")
        )


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"POST /kit/v1/status HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused(raw, http, sent):
    status, _ = await raw(sent + b"Connection: close\r\n\r\n")
    assert status in {0, 400, 401, 421, 501, 505}
    told_in_an_envelope(await http.post("/kit/v1/status"))


async def test_the_description_names_every_verb_and_holds_together(http):
    told = (await http.get("/openapi.json")).json()
    assert {path.rpartition("/")[2] for path in told["paths"]} == {*port_schema.VERBS, "events"}
    assert told == json.loads(json.dumps(openapi.describe()))
    known = told["components"]["schemas"]

    def check(part):
        if isinstance(part, dict):
            if "$ref" in part:
                assert part["$ref"].rpartition("/")[2] in known
            for inner in part.values():
                check(inner)
        elif isinstance(part, list):
            for inner in part:
                check(inner)

    check(told)
    asked = told["paths"]["/kit/v1/trigger_job"]["post"]
    assert {each["name"] for each in asked["parameters"]} == {
        http_protocol.USER_HEADER,
        http_protocol.KEY_HEADER,
    }


async def test_answers_are_what_the_description_promises(http, port):
    described = openapi.describe()["paths"]
    for verb in ("status", "settings", "list_jobs", "list_executions", "logs", "doctor"):
        body = {"query": {}} if verb == "logs" else {}
        told = (await http.post(f"/kit/v1/{verb}", json=body)).json()
        schema = described[f"/kit/v1/{verb}"]["post"]["responses"]["200"]
        required = schema["content"]["application/json"]["schema"]["required"]
        assert set(required) <= set(told)
        port_schema.verb(verb).read_answer(json.dumps(told).encode())
