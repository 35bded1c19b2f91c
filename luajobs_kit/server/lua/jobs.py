"""``/developer/jobs/{agentId}``: Lua's routes for jobs."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Bundle, Execution, Job, JobSpec, JobVersion, VersionSpec, invalid
from luajobs_kit.port import Port
from luajobs_kit.server.kit_routes import idempotency_key
from luajobs_kit.server.lua.request_parameters import check_agent, check_keys, number
from luajobs_kit.server.responses import many, read_object, success

BASE: Final = "/developer/jobs/{agent}"
ONE: Final = BASE + "/{job}"
_FUNCTION: Final = re.compile(r"^(?:async[ \t]+)?def[ \t]+([^\W\d]\w*)", re.MULTILINE)
FIRST: Final = "1.0.0"
_DECLARED: Final = ("description", "timeout", "retry", "metadata", "schedule")
_OF_JOB: Final = ("name", "dynamic", "activate", "version", "agentId", *_DECLARED)
_OF_VERSION: Final = ("name", "version", "jobId", "code", "agentId", "active", *_DECLARED)


def routes(port: Port) -> list[Route]:
    """Return the routes for jobs, their versions and executions."""
    return [*_jobs(port), *_runs(port), *_versions(port)]


def _jobs(port: Port) -> list[Route]:
    async def all_jobs(request: Request) -> Response:
        await check_agent(port, request)
        dynamic = request.query_params.get("includeDynamic", "").lower() == "true"
        jobs = await port.list_jobs(include_dynamic=dynamic)
        told = []
        for job in jobs:  # each may be large, and the loop has its turn in between
            told.append(shown(job))
            await asyncio.sleep(0)
        return await many({"jobs": told})

    async def create(request: Request) -> Response:
        await check_agent(port, request)
        spec = _job_spec(await read_object(request))
        return success(shown(await port.create_job(spec, key=idempotency_key(request))), 201)

    async def get(request: Request) -> Response:
        await check_agent(port, request)
        return await many(shown(await port.get_job(request.path_params["job"])))

    async def delete(request: Request) -> Response:
        await check_agent(port, request)
        return success((await port.delete_job(request.path_params["job"])).to_json())

    async def activate(request: Request) -> Response:
        await check_agent(port, request)
        return success(shown(await port.activate_job(request.path_params["job"])))

    async def deactivate(request: Request) -> Response:
        await check_agent(port, request)
        return success(shown(await port.deactivate_job(request.path_params["job"])))

    async def metadata(request: Request) -> Response:
        await check_agent(port, request)
        job = await port.update_metadata(request.path_params["job"], await read_object(request))
        told = {"message": "Metadata updated.", "jobId": job.id, "metadata": job.metadata}
        return success(told)

    return [
        Route(BASE, all_jobs, methods=["GET"]),
        Route(BASE, create, methods=["POST"]),
        Route(ONE, get, methods=["GET"]),
        Route(ONE, delete, methods=["DELETE"]),
        Route(ONE + "/activate", activate, methods=["POST"]),
        Route(ONE + "/deactivate", deactivate, methods=["POST"]),
        Route(ONE + "/metadata", metadata, methods=["PUT"]),
    ]


def _runs(port: Port) -> list[Route]:
    async def trigger(request: Request) -> Response:
        await check_agent(port, request)
        version = (await read_object(request)).get("versionId")
        if not isinstance(version, str | None):
            raise InvalidInput("versionId must be text.", field="versionId")
        execution = await port.trigger_job(
            request.path_params["job"], version, key=idempotency_key(request)
        )
        return success(execution_shown(execution))

    async def executions(request: Request) -> Response:
        await check_agent(port, request)
        job = await port.get_job(request.path_params["job"])
        page = await port.list_executions(
            job.id, limit=number(request, "limit", 50), offset=number(request, "offset", 0)
        )
        told = []
        for execution in page.executions:  # likewise
            told.append(execution_shown(execution))
            await asyncio.sleep(0)
        return await many(page.evolve(executions=[]).to_json() | {"executions": told})

    return [
        Route(ONE + "/trigger", trigger, methods=["POST"]),
        Route(ONE + "/executions", executions, methods=["GET"]),
    ]


def _versions(port: Port) -> list[Route]:
    async def versions(request: Request) -> Response:
        await check_agent(port, request)
        job = await port.get_job(request.path_params["job"])
        return await many([version_shown(version) for version in job.versions])

    async def push(request: Request) -> Response:
        await check_agent(port, request)
        spec = _version_spec(await read_object(request))
        version = await port.push_version(
            request.path_params["job"], spec, key=idempotency_key(request)
        )
        return success(version_shown(version), 201)

    async def publish(request: Request) -> Response:
        await check_agent(port, request)
        job = await port.publish_version(request.path_params["job"], request.path_params["version"])
        return success(shown(job))

    return [
        Route(ONE + "/versions", versions, methods=["GET"]),
        Route(ONE + "/version", push, methods=["POST"]),
        # A sandbox version is one that is not published, which is what pushing makes here.
        Route(ONE + "/version/sandbox", push, methods=["POST"]),
        Route(ONE + "/version/sandbox/{version}", push, methods=["PUT"]),
        Route(ONE + "/{version}/publish", publish, methods=["POST"]),
    ]


def shown(job: Job) -> dict[str, Any]:
    """Return Lua's ``Job``: its client also reads the active schedule beside the name."""
    told = job.to_json()
    told["versions"] = [version_shown(version) for version in job.versions]
    if job.active_version is not None:
        told["activeVersion"] = version_shown(job.active_version)
        told["schedule"] = told["activeVersion"]["schedule"]
    if job.last_execution is not None:
        told["lastExecution"] = execution_shown(job.last_execution)
    return told


def version_shown(version: JobVersion) -> dict[str, Any]:
    """Return Lua's ``JobVersion``: the source as ``code``."""
    told = version.to_json()
    told["code"] = told.pop("bundle")["source"]
    told.pop("key", None)
    return told


def execution_shown(execution: Execution) -> dict[str, Any]:
    """Return Lua's ``JobExecution``: the error as one text, and always a start."""
    told = execution.to_json() | {"executionId": execution.id}
    told.setdefault("startedAt", told["createdAt"])
    if execution.error is not None:
        line = f" ({execution.error.place})" if execution.error.line else ""
        told["error"] = f"{execution.error.type}: {execution.error.message}{line}"
    return told


def _job_spec(body: dict[str, Any]) -> JobSpec:
    version = body.get("version")
    if not isinstance(version, dict):
        raise InvalidInput(
            "Here a job is made together with its first version: send 'version' with Python source "
            "as its 'code', or create the job with luajobs_kit in Python.",
            field="version",
        )
    check_keys(body, _OF_JOB, "A job")
    check_keys(version, _OF_VERSION, "A job's version")
    if version.get("version") not in {None, FIRST}:
        raise InvalidInput(
            f"A job's first version is {FIRST}; push the others, and leave this one's number out.",
            field="version",
        )
    given = {name: body[name] for name in _DECLARED if body.get(name) is not None}
    given |= {name: version[name] for name in _DECLARED if version.get(name) is not None}
    for name in ("name", "dynamic", "activate"):
        if body.get(name) is not None:
            given[name] = body[name]
    given.setdefault("dynamic", False)
    try:
        return JobSpec.model_validate(given | {"bundle": _bundle(version)})
    except ValidationError as problem:
        raise invalid("job", problem) from None


def _version_spec(body: dict[str, Any]) -> VersionSpec:
    check_keys(body, _OF_VERSION, "A version")
    given = {name: body[name] for name in _DECLARED if body.get(name) is not None}
    given |= {"bundle": _bundle(body), "version": body.get("version")}
    try:
        return VersionSpec.model_validate(given)
    except ValidationError as problem:
        raise invalid("version", problem) from None


def _bundle(version: dict[str, Any]) -> Bundle:
    """Return the code as a bundle: its entry is ``execute``, else the last function in it."""
    code = version.get("code")
    functions = _FUNCTION.findall(code) if isinstance(code, str) else []
    if not isinstance(code, str) or not functions:
        raise InvalidInput(
            "'code' must be Python source that defines the job's function, such as "
            "'async def execute(job): …'. What `lua push` and Lua's Jobs.create send is "
            "JavaScript, and this workspace runs Python: write the function in Python and create "
            "the job with luajobs_kit (Jobs.create), then view, trigger and deploy it with `lua`.",
            field="code",
        )
    return Bundle(source=code, entry="execute" if "execute" in functions else functions[-1])
