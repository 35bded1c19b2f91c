"""Lua's routes: paths, envelope, statuses, pagination, idempotency keys."""

from datetime import UTC, datetime, timedelta

import pytest

PYTHON = "async def execute(job):\n    print('hello')\n    return {'n': 1}\n"
CRON = {"type": "cron", "expression": "0 9 * * *", "timezone": "Europe/Brussels"}
INTERVAL = {"type": "interval", "seconds": 3600}


@pytest.fixture
def jobs(agent):
    return f"/developer/jobs/{agent}"


@pytest.fixture
async def job(http, jobs):
    return await made(http, jobs)


async def made(http, jobs, name="report", **given):
    version = {"version": "1.0.0", "code": PYTHON}
    body = {"name": name, "schedule": INTERVAL, "dynamic": True, "version": version} | given
    answer = await http.post(jobs, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


async def test_a_job_has_luas_shape(http, jobs, job):
    told = (await http.get(f"{jobs}/{job['id']}")).json()
    assert told["success"] is True
    shown = told["data"]
    assert (shown["name"], shown["status"], shown["active"]) == ("report", "active", True)
    assert shown["schedule"] == shown["activeVersion"]["schedule"] == INTERVAL
    assert shown["activeVersion"]["code"] == PYTHON
    assert [version["version"] for version in shown["versions"]] == ["1.0.0"]
    assert shown["createdAt"].startswith("20")


async def test_dynamic_jobs_are_listed_only_when_asked(http, jobs, job):
    await made(http, jobs, "nightly", dynamic=False, schedule=CRON)
    plain = (await http.get(jobs)).json()["data"]["jobs"]
    both = (await http.get(jobs, params={"includeDynamic": "true"})).json()["data"]["jobs"]
    assert [job["name"] for job in plain] == ["nightly"]
    assert [job["name"] for job in both] == ["report", "nightly"]


async def test_a_job_is_triggered_and_its_executions_are_told(http, jobs, job, port):
    one = f"{jobs}/{job['id']}"
    execution = (await http.post(f"{one}/trigger", json={})).json()["data"]
    assert execution["startedAt"]
    await port.wait_execution(execution["id"])
    page = (await http.get(f"{one}/executions", params={"limit": 20})).json()["data"]
    assert (page["total"], page["limit"], page["offset"]) == (1, 20, 0)
    done = page["executions"][0]
    assert (done["status"], done["result"], done["executionId"]) == (
        "completed",
        {"n": 1},
        execution["id"],
    )


async def test_an_error_is_told_as_one_text(http, jobs, port):
    version = {"version": "1.0.0", "code": "def execute(job):\n    raise ValueError('oops')\n"}
    failing = await made(http, jobs, "failing", version=version)
    execution = await port.trigger_job(failing["id"])
    await port.wait_execution(execution.id)
    page = (await http.get(f"{jobs}/{failing['id']}/executions")).json()["data"]
    assert page["executions"][0]["error"] == "ValueError: oops (line 2)"


async def test_the_same_key_does_a_thing_once(http, jobs, job, fresh, port):
    key = {"X-Idempotency-Key": fresh("key")}
    one = f"{jobs}/{job['id']}"
    answers = [await http.post(f"{one}/trigger", json={}, headers=key) for _ in range(3)]
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    await port.wait_execution(answers[0].json()["data"]["id"])

    key = {"X-Idempotency-Key": fresh("key")}
    body = {"name": "report", "version": "1.1.0", "schedule": CRON, "code": PYTHON}
    pushed = [await http.post(f"{one}/version", json=body, headers=key) for _ in range(2)]
    assert len({answer.json()["data"]["id"] for answer in pushed}) == 1


async def test_a_key_of_another_request_is_refused_and_nothing_is_done(http, jobs, job, fresh):
    key = {"X-Idempotency-Key": fresh("key")}
    body = {"name": "report", "version": "1.1.0", "schedule": CRON, "code": PYTHON}
    await http.post(f"{jobs}/{job['id']}/version", json=body, headers=key)
    other = await made(http, jobs, fresh("other"))
    refused = await http.post(f"{jobs}/{other['id']}/version", json=body, headers=key)
    assert refused.status_code == 409
    assert "a key of its own" in refused.json()["error"]["message"]
    assert len((await http.get(f"{jobs}/{other['id']}")).json()["data"]["versions"]) == 1


async def test_versions_are_pushed_and_published(http, jobs, job):
    one = f"{jobs}/{job['id']}"
    body = {"name": "report", "version": "2.0.0", "schedule": CRON, "code": PYTHON}
    assert (await http.post(f"{one}/version", json=body)).status_code == 201
    assert (await http.post(f"{one}/version", json=body)).status_code == 409
    published = (await http.post(f"{one}/2.0.0/publish", json={})).json()["data"]
    assert published["activeVersion"]["version"] == "2.0.0"
    versions = (await http.get(f"{one}/versions")).json()["data"]
    assert [version["version"] for version in versions] == ["1.0.0", "2.0.0"]
    deleted = (await http.delete(one)).json()["data"]
    assert (deleted["deleted"], deleted["deactivated"]) == (False, True)


async def test_publishing_a_once_version_whose_time_has_passed_is_refused(http, jobs, job):
    passed = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    body = {"version": "2.0.0", "schedule": {"type": "once", "executeAt": passed}, "code": PYTHON}
    one = f"{jobs}/{job['id']}"
    assert (await http.post(f"{one}/version", json=body)).status_code == 201
    refused = await http.post(f"{one}/2.0.0/publish", json={})
    assert refused.status_code == 409
    assert "has passed" in refused.json()["error"]["message"]


async def test_a_job_is_switched_and_its_metadata_merged(http, jobs, job):
    one = f"{jobs}/{job['id']}"
    off = (await http.post(f"{one}/deactivate")).json()["data"]
    assert (off["active"], off["cancelledRuns"]) == (False, 0)
    assert (await http.post(f"{one}/activate", json={})).json()["data"]["active"] is True
    await http.put(f"{one}/metadata", json={"a": 1})
    merged = (await http.put(f"{one}/metadata", json={"b": None})).json()["data"]
    assert merged["metadata"] == {"a": 1, "b": None}
    assert (merged["jobId"], bool(merged["message"])) == (job["id"], True)


@pytest.mark.parametrize(
    "code",
    [
        "async function execute(job) { return 1 }",
        "const job = async (job) => { await job.user() }; export default job;",
        "H4sIAAAAAAAAA0tJLEkEAGPz5e4EAAAA",
        "",
    ],
)
async def test_javascript_is_refused_with_words_that_help(http, jobs, code):
    version = {"version": "1.0.0", "code": code}
    body = {"name": "js", "schedule": INTERVAL, "version": version}
    answer = await http.post(jobs, json=body)
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert "JavaScript" in message
    assert "Python" in message


async def test_a_job_without_code_is_refused_with_words_that_help(http, jobs):
    answer = await http.post(jobs, json={"name": "empty", "schedule": INTERVAL})
    assert answer.status_code == 400
    assert "version" in answer.json()["error"]["message"]


async def test_a_path_with_a_slash_too_many_is_told_in_the_envelope(http, jobs):
    answer = await http.get(jobs + "/")
    assert answer.status_code == 404
    assert answer.json()["success"] is False


async def test_what_is_not_there_is_404_and_another_agent_too(http, jobs):
    missing = await http.get(f"{jobs}/job_none")
    assert (missing.status_code, missing.json()["error"]["statusCode"]) == (404, 404)
    other = await http.get("/developer/jobs/agent_of_somebody")
    assert other.status_code == 404
    assert "lua-env" in other.json()["error"]["message"]
    assert (await http.get("/developer/nothing")).status_code == 404
    assert (await http.put(jobs)).status_code == 405


async def test_logs_are_paged_newest_first(http, agent, jobs, job, port):
    for _ in range(3):
        execution = await port.trigger_job(job["id"])
        await port.wait_execution(execution.id)
    asked = {"logSource": "job", "primitiveId": job["id"], "limit": 2}
    page = (await http.get(f"/developer/agents/{agent}/logs", params=asked)).json()["data"]
    assert [line["message"] for line in page["logs"]] == ["hello", "hello"]
    assert page["logs"][0]["timestamp"] >= page["logs"][1]["timestamp"]
    assert page["logs"][0]["metadata"]["primitiveName"] == "report"
    assert page["pagination"]["totalCount"] == 3
    assert (page["pagination"]["nextPage"], page["pagination"]["prevPage"]) == (2, None)
    asked |= {"page": 2}
    page = (await http.get(f"/developer/agents/{agent}/logs", params=asked)).json()["data"]
    assert len(page["logs"]) == 1


async def test_user_data_is_merged_patched_and_cleared(http, agent):
    path = f"/developer/user/data/agent/{agent}"
    first = (await http.get(path)).json()["data"]
    assert first["_luaProfile"]["userId"]
    given = {"city": "Ghent", "n": 1, "_luaProfile": {"userId": "forged"}}
    updated = (await http.put(path, json=given)).json()["data"]
    assert updated == {"city": "Ghent", "n": 1, "_luaProfile": first["_luaProfile"]}
    patched = (await http.patch(path, json={"set": {"m": 2}, "unset": ["n"]})).json()["data"]
    assert {k: v for k, v in patched.items() if k != "_luaProfile"} == {"city": "Ghent", "m": 2}
    assert (await http.delete(path)).json()["success"] is True
    assert set((await http.get(path)).json()["data"]) == {"_luaProfile"}
    assert (await http.get(f"{path}/user/user_none")).status_code == 404


async def test_users_are_found_by_address_and_sent_messages(http, agent, port, fresh):
    email, phone = f"{fresh('ana')}@example.org", str(hash(fresh("p")) % 10**12)
    user = await port.call(
        "user.add",
        {"id": fresh("user"), "emailAddresses": [email], "mobileNumbers": ["+" + phone]},
    )
    base = "/developer/user/profile"
    assert (await http.get(f"{base}/email/{email}")).json()["data"]["id"] == user["id"]
    assert (await http.get(f"{base}/phone/{phone}")).json()["data"]["id"] == user["id"]
    assert (await http.get(f"{base}/email/nobody@example.org")).status_code == 404

    key = {"X-Idempotency-Key": fresh("key"), "X-Lua-User": user["id"]}
    body = {"messages": [{"type": "text", "text": "hi"}]}
    for _ in range(2):
        sent = await http.post(f"/admin/agents/{agent}/conversations/me", json=body, headers=key)
        assert sent.status_code == 200
    kept = (await http.get(f"/chat/history/{agent}", headers=key)).json()["data"]
    assert [message["content"][0]["text"] for message in kept] == ["hi"]


async def test_data_is_kept_found_changed_and_deleted(http, agent, fresh):
    base, name = f"/developer/agents/{agent}/custom-data", fresh("tickets")
    one = (
        await http.post(f"{base}/{name}", json={"data": {"t": "red", "n": 1}, "searchText": "red"})
    ).json()["data"]
    await http.post(f"{base}/{name}", json={"data": {"t": "blue", "n": 2}, "searchText": "blue"})
    assert isinstance(one["createdAt"], int)

    page = (await http.get(f"{base}/{name}", params={"filter": '{"n": {"$gt": 1}}'})).json()["data"]
    assert [entry["data"]["t"] for entry in page["data"]] == ["blue"]
    assert page["pagination"]["totalCount"] == 1
    path = f"{base}/{name}/{one['id']}"
    assert (await http.put(path, json={"data": {"t": "green"}})).json()["data"]["status"]
    changed = (await http.get(path)).json()["data"]
    assert (changed["data"], changed["searchText"]) == ({"t": "green", "n": 1}, "red")
    await http.patch(path, json={"set": {"x": 1}})
    await http.patch(path, json={"unset": ["t", "n"], "searchText": "nothing"})
    changed = (await http.get(path)).json()["data"]
    assert (changed["data"], changed["searchText"]) == ({"x": 1}, "nothing")
    found = (await http.get(f"{base}/{name}/search", params={"searchText": "blue"})).json()["data"]
    assert found["data"][0]["score"] > 0.6
    names = [each["name"] for each in (await http.get(base)).json()["data"]["data"]]
    assert name in names
    assert (await http.delete(path)).status_code == 200
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize("query", ["filter=[1]", "filter={", "page=-1", "limit=x", "limit=0"])
async def test_a_query_that_cannot_be_read_is_refused(http, agent, query):
    answer = await http.get(f"/developer/agents/{agent}/custom-data/things?{query}")
    assert answer.status_code == 400, answer.text


async def test_products_are_paged_beside_the_envelope(http, agent):
    base = f"/developer/agents/{agent}/products"
    made = (await http.post(base, json={"name": "lamp", "price": 5})).json()["data"]["product"]
    page = (await http.get(base, params={"page": 1, "limit": 100})).json()
    assert made["id"] in [product["id"] for product in page["data"]]
    assert page["pagination"]["currentPage"] == 1
    updated = (await http.put(base, json={"id": made["id"], "price": 6})).json()["data"]
    assert updated["product"] == {"id": made["id"], "name": "lamp", "price": 6}
    assert (await http.get(f"{base}/{made['id']}")).json()["data"]["price"] == 6
    found = (await http.get(f"{base}/search", params={"searchQuery": "lamp"})).json()
    assert "lamp" in [product["name"] for product in found["data"]]
    assert (await http.delete(f"{base}/{made['id']}")).json()["data"]["deleted"] is True
    assert (await http.get(f"{base}/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"retry": {"maxRetries": 3}}, "retry has no 'maxRetries'"),
        ({"retires": {"maxAttempts": 3}}, "A job has no 'retires'; Did you mean 'retry'?"),
        ({"version": {"code": PYTHON, "retry": {"backOff": 1}}}, "did you mean backoff?"),
        ({"version": {"code": PYTHON, "timeuot": 5}}, "'timeout'?"),
        ({"version": {"code": PYTHON, "version": "2.0.0"}}, "first version is 1.0.0"),
        ({"schedule": {"type": "interval", "seconds": 60, "begin": 1}}, "has no 'begin'"),
    ],
)
async def test_an_option_that_nothing_reads_is_refused(http, jobs, given, words):
    body = {"name": "x", "schedule": INTERVAL, "version": {"code": PYTHON}} | given
    answer = await http.post(jobs, json=body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        (
            "create_job",
            {
                "spec": {
                    "name": "x",
                    "schedule": INTERVAL,
                    "bundle": {"source": PYTHON, "entry": "execute"},
                    "retry": {"maxRetries": 3},
                }
            },
            "retry has no 'maxRetries'; it takes maxAttempts",
        ),
        ("logs", {"query": {"grepp": "x"}}, "query has no 'grepp'; did you mean grep?"),
        (
            "call",
            {"verb": "user.send", "arguments": {"messages": [{"type": "text", "txt": "x"}]}},
            "has no 'txt'; did you mean text?",
        ),
    ],
)
async def test_a_nested_option_that_nothing_reads_is_refused_by_the_kits_own_routes(
    http, verb, body, words
):
    answer = await http.post(f"/kit/v1/{verb}", json=body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_the_agents_versions_are_none_and_making_one_says_what_there_is(http, agent):
    path = f"/developer/agents/{agent}/versions"
    assert (await http.get(path, params={"limit": "1"})).json() == {"success": True, "data": []}
    for answer in (await http.post(path, json={}), await http.get(f"{path}/1")):
        assert answer.status_code == 404
        assert "luajobs jobs versions" in answer.json()["error"]["message"]


async def test_entries_are_found_by_whether_a_field_exists(http, agent, fresh):
    path = f"/developer/agents/{agent}/custom-data/{fresh('c')}"
    for data in ({"a": None}, {"b": 1}, {"a": {"c": 2}}):
        assert (await http.post(path, json={"data": data, "index": True})).status_code == 201
    found = {
        query: (await http.get(path, params={"filter": query})).json()["data"]["data"]
        for query in (
            '{"a": {"$exists": true}}',
            '{"a": {"$exists": false}}',
            '{"a.c": {"$exists": true, "$gt": 1}}',
        )
    }
    assert [len(each) for each in found.values()] == [2, 1, 1]
    refused = await http.get(path, params={"filter": '{"a": {"$exists": 1}}'})
    assert "$exists takes true or false" in refused.json()["error"]["message"]


async def test_a_patch_takes_the_search_text_away_and_refuses_what_it_does_not_read(
    http, agent, fresh
):
    base = f"/developer/agents/{agent}/custom-data/{fresh('c')}"
    given = {"data": {"a": 1}, "searchText": "words"}
    entry = (await http.post(base, json=given)).json()["data"]
    path = f"{base}/{entry['id']}"
    assert (await http.patch(path, json={"set": {"b": 2}, "searchText": None})).status_code == 200
    assert "searchText" not in (await http.get(path)).json()["data"]
    for body in ({"sett": {"c": 1}}, {"set": 5}, {"unset": {"a": 1}}):
        assert (await http.patch(path, json=body)).status_code == 400
    assert (await http.post(base, json={"data": {}, "index": False})).status_code == 400
    assert (await http.get(path)).json()["data"]["data"] == {"a": 1, "b": 2}


async def test_a_users_history_is_read_by_id(http, agent, port, fresh):
    user = await port.call("user.add", {"id": fresh("user")})
    await port.call("user.send", {"id": user["id"], "messages": "hi"})
    path = f"/chat/history/{agent}"
    [message] = (await http.get(path, params={"userId": user["id"]})).json()["data"]
    assert message["content"][0]["text"] == "hi"
