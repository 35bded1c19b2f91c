"""Each name of Lua's TypeScript and ours; ``python tests/reference/lua_names.py`` writes the page."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "lua-names.md"

# (Lua's, ours as written, where ours is looked up: a dotted path from the package, a note)
Row = tuple[str, str, str, str]

TABLES: dict[str, list[Row]] = {
    "Importing": [
        ("import { Jobs } from 'lua-cli'", "from luajobs_kit import Jobs", "Jobs", ""),
        (
            "import { … } from 'lua-cli/skill'",
            "from luajobs_kit import …",
            "LuaTool",
            "one place for all names",
        ),
    ],
    "Jobs": [
        (
            "Jobs.create(config)",
            "Jobs.create(name=…, …)",
            "Jobs.create",
            "keywords in place of an object",
        ),
        ("Jobs.getJob(jobId)", "Jobs.get_job(job_id)", "Jobs.get_job", "a name is taken too"),
        ("Jobs.getAll({ includeDynamic })", "Jobs.get_all(include_dynamic=…)", "Jobs.get_all", ""),
    ],
    "A job's configuration": [
        ("name", "name", "", ""),
        ("description", "description", "", ""),
        ("metadata", "metadata", "", ""),
        ("execute", "execute", "", "or `source`, its text"),
        ("schedule", "schedule", "", "the dict as it is, or as below"),
        ("schedule: { type: 'once', executeAt }", "once(at=…) · once(minutes=…)", "once", ""),
        ("schedule: { type: 'interval', seconds }", "every(seconds=…)", "every", ""),
        (
            "schedule: { type: 'cron', expression, timezone }",
            "cron(expression, timezone=…)",
            "cron",
            "",
        ),
        ("timeout", "timeout", "", "seconds"),
        (
            "retry: { maxAttempts, backoffSeconds }",
            'retry={"maxAttempts": …, "backoffSeconds": …}',
            "",
            "",
        ),
        ("activate", "activate", "", ""),
    ],
    "JobInstance": [
        ("job.id", "job.id", "JobInstance.id", ""),
        ("job.name", "job.name", "JobInstance.name", ""),
        ("job.activeVersion", "job.active_version", "JobInstance.active_version", ""),
        (
            "job.activeVersion?.schedule?.executeAt",
            "job.active_version.schedule.execute_at",
            "JobInstance.active_version",
            "a datetime",
        ),
        ("job.metadata", "job.metadata", "JobInstance.metadata", ""),
        (
            "job.data",
            "job.data",
            "JobInstance.data",
            "inside a run `versions` holds the active one; `await job.versions()` gives all",
        ),
        ("jobInstance.user()", "job.user()", "JobInstance.user", ""),
        (
            "job.updateMetadata(data)",
            "job.update_metadata(data)",
            "JobInstance.update_metadata",
            "",
        ),
        ("job.trigger(versionId?)", "job.trigger(version_id=None)", "JobInstance.trigger", ""),
        ("job.activate()", "job.activate()", "JobInstance.activate", ""),
        ("job.deactivate()", "job.deactivate()", "JobInstance.deactivate", ""),
        ("job.delete()", "job.delete()", "JobInstance.delete", ""),
        ("console.log(…)", "print(…)", "", "in a job and in a tool: a log line"),
    ],
    "JobExecution": [
        ("execution.id", "execution.id", "JobExecution.id", ""),
        ("execution.status", "execution.status", "JobExecution.status", "Lua's words"),
        ("execution.result", "execution.result", "JobExecution.result", ""),
        ("execution.error", "execution.error", "JobExecution.error", ""),
    ],
    "User": [
        ("User.get()", "User.get()", "User.get", "the acting user"),
        ("User.get(userId)", "User.get(user_id)", "User.get", ""),
        ("User.get({ email })", "User.get(email=…)", "User.get", ""),
        ("User.get({ phone })", "User.get(phone=…)", "User.get", ""),
        ("UserDataInstance", "UserInstance", "UserInstance", ""),
        ("user.data", "user.data", "UserInstance.data", "`user.city` is `user.data['city']`"),
        ("user._luaProfile", "user.profile", "UserInstance.profile", "read-only"),
        ("user.update(data)", "user.update(data)", "UserInstance.update", ""),
        (
            "user.patch({ set, unset })",
            "user.patch(set=…, unset=…)",
            "UserInstance.patch",
            "Lua's object is taken too",
        ),
        ("user.unset(...fields)", "user.unset(*fields)", "UserInstance.unset", ""),
        ("user.save()", "user.save()", "UserInstance.save", ""),
        ("user.clear()", "user.clear()", "UserInstance.clear", ""),
        (
            "user.send(messages)",
            "user.send(messages)",
            "UserInstance.send",
            "plain text is taken too",
        ),
        ("user.getChatHistory()", "user.get_chat_history()", "UserInstance.get_chat_history", ""),
        (
            "User.getChatHistory()",
            "User.get_chat_history(user_id=None)",
            "User.get_chat_history",
            "of the acting user, or by id",
        ),
    ],
    "Data": [
        (
            "Data.create(collection, data, searchText?)",
            "Data.create(collection, data, search_text=None)",
            "Data.create",
            "`{searchText, index}` is taken too",
        ),
        (
            "Data.get(collection, filter?, page?, limit?)",
            "Data.get(collection, filter=None, page=1, limit=10)",
            "Data.get",
            "",
        ),
        (
            "Data.getEntry(collection, id)",
            "Data.get_entry(collection, entry_id)",
            "Data.get_entry",
            "",
        ),
        (
            "Data.update(collection, id, data)",
            "Data.update(collection, entry_id, data)",
            "Data.update",
            "merges; `entry.save()` replaces",
        ),
        (
            "Data.patch(collection, id, { set, unset, searchText })",
            "Data.patch(collection, entry_id, set=…, unset=…)",
            "Data.patch",
            "Lua's object is taken too; fields alone are merged",
        ),
        ("entry.patch({ set, unset })", "entry.patch(set=…, unset=…)", "", "as `Data.patch`"),
        ("entry.unset(...fields)", "entry.unset(*fields)", "", ""),
        ("Data.delete(collection, id)", "Data.delete(collection, entry_id)", "Data.delete", ""),
        (
            "Data.search(collection, text, limit?, threshold?)",
            "Data.search(collection, search_text, limit=10, score_threshold=0.6)",
            "Data.search",
            "",
        ),
        ("entry.data.title · entry.title", 'entry.data["title"] · entry.title', "", ""),
    ],
    "Products": [
        (
            "Products.get(page, limit)",
            "Products.get(page=1, limit=10)",
            "Products.get",
            "iterated like a list",
        ),
        ("Products.getById(id)", "Products.get_by_id(product_id)", "Products.get_by_id", ""),
        ("Products.create(product)", "Products.create(product)", "Products.create", ""),
        (
            "Products.update(data, id)",
            "Products.update(product_id, product)",
            "Products.update",
            "the id comes first, as in Data",
        ),
        ("Products.delete(id)", "Products.delete(product_id)", "Products.delete", ""),
        ("Products.search(query)", "Products.search(search_query, limit=5)", "Products.search", ""),
    ],
    "Agents": [
        (
            "class T implements LuaTool",
            "class T(LuaTool)",
            "LuaTool",
            "or `@lua_tool` on a typed function",
        ),
        ("inputSchema (zod)", "input_schema (pydantic)", "LuaTool", ""),
        ("outputSchema", "output_schema", "LuaTool.output_schema", ""),
        ("execute(input)", "execute(self, input)", "LuaTool.execute", ""),
        ("condition()", "condition(self)", "LuaTool.condition", ""),
        ("new LuaSkill({ name, tools })", "LuaSkill(name=…, tools=[…])", "LuaSkill", ""),
        (
            "new LuaAgent({ name, persona, skills, jobs })",
            "LuaAgent(name=…, persona=…, skills=[…], jobs=[…])",
            "LuaAgent",
            "",
        ),
        (
            "new LuaJob({ name, schedule, execute })",
            "LuaJob(name=…, schedule=…, execute=…)",
            "LuaJob",
            "or `@lua_job(schedule=…)`",
        ),
        ("lua push · lua deploy", "ws.deploy(agent)", "Workspace.deploy", ""),
        ("env(NAME)", "env(NAME)", "env", ""),
    ],
}

HEAD = """# Lua's names and ours

Names follow each language: `getAll` in TypeScript is `get_all` here, objects of options are
keywords, and `await` stands wherever Lua has it. JSON keeps Lua's camelCase; documents take
either spelling. This page is generated by `python tests/reference/lua_names.py`.
"""


def page() -> str:
    """Return the page's text."""
    parts = [HEAD]
    for title, rows in TABLES.items():
        parts += [f"## {title}", "", "| Lua | here | |", "|---|---|---|"]
        parts += [f"| {_code(lua)} | {_code(ours)} | {note} |" for lua, ours, _, note in rows]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _code(text: str) -> str:
    return " · ".join(f"`{piece.replace('|', chr(92) + '|')}`" for piece in text.split(" · "))


if __name__ == "__main__":
    PAGE.write_text(page())
