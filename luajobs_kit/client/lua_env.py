"""The environment in which Lua's own ``lua`` command works against this workspace's engine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Final

from luajobs_kit.client.http_port import HttpPort
from luajobs_kit.errors import Conflict
from luajobs_kit.model import Job

FILE: Final = "lua.skill.yaml"
MARK: Final = "# Written by `luajobs lua-env`; run it again when jobs were added.\n"


@dataclass(frozen=True, slots=True)
class LuaEnv:
    """The variables, and the file that was written."""

    url: str
    key: str = field(repr=False)
    file: Path
    certificate: str | None = None  # to be believed, where url is https

    def exports(self) -> str:
        """Return shell lines for ``eval "$(luajobs lua-env)"``."""
        lines = [f"export LUA_API_URL={self.url}", f"export LUA_API_KEY={self.key}"]
        if self.certificate is not None:
            lines.append(f"export NODE_EXTRA_CA_CERTS={quote(self.certificate)}")
        return "\n".join(lines) + "\n"


async def prepare(port: HttpPort, directory: Path) -> LuaEnv:
    """Write ``lua.skill.yaml`` into ``directory`` and return what to export.

    Raises ``Conflict`` for a file of that name that this did not write.
    """
    agent = (await port.status()).agent_id
    jobs = await port.list_jobs(include_dynamic=True)
    file = directory / FILE
    if file.exists() and not _written_by_us(file):
        raise Conflict(
            f"{file} is there already and was not written by luajobs. Run this in another folder, "
            f"or set its agent.agentId to {agent} yourself."
        )
    file.write_text(MARK + _yaml(agent, jobs), encoding="utf-8")
    address = port.address
    return LuaEnv(address.url, address.token, file, address.certificate)


def _written_by_us(file: Path) -> bool:
    try:
        return file.read_bytes().startswith(MARK.encode())
    except IsADirectoryError:
        return False


def _yaml(agent: str, jobs: list[Job]) -> str:
    # A JSON string is a YAML string, whatever it holds.
    lines = ["agent:", f"  agentId: {json.dumps(agent)}", '  orgId: "local"']
    lines.append("jobs:" if jobs else "jobs: []")
    for job in jobs:
        lines += [f"  - name: {json.dumps(job.name)}", f"    jobId: {json.dumps(job.id)}"]
    return "\n".join(lines) + "\n"
