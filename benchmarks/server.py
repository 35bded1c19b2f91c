"""The engine behind HTTP, against the same engine in process, in the same run."""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from luajobs_kit.client import HttpPort, discover
from luajobs_kit.engine import Engine
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec
from luajobs_kit.port import Port


def spec(name: str) -> JobSpec:
    return JobSpec(
        name=name,
        schedule=IntervalSchedule(seconds=3600),
        bundle=Bundle(source="async def execute(job):\n    return 1\n", entry="execute"),
    )


def show(what: str, figure: float, unit: str, goal: str, *, holds: bool) -> None:
    print(f"{what:<58} {figure:9.1f} {unit:<6} goal {goal:<28} {'ok' if holds else 'MISSED'}")


async def timed(times: int, question: Any) -> list[float]:
    """Return the milliseconds of each of ``times`` questions, one after another."""
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        await question(number)
        taken.append((time.perf_counter() - begun) * 1_000)
    return taken


async def creates_and_runs(port: Port, kind: str) -> tuple[float, float]:
    created = await timed(100, lambda number: port.create_job(spec(f"{kind}{number}")))
    job = await port.create_job(spec(f"{kind}_run"))

    async def run(_: int) -> None:
        done = await port.wait_execution((await port.trigger_job(job.id)).id)
        assert done.status == "completed", done.error

    ran = await timed(60, run)
    return statistics.median(created), statistics.median(ran)


FOLLOWERS = """
import asyncio, re, sys, time
from pathlib import Path
from luajobs_kit.engine_address import Address
from luajobs_kit.client.http_connection import Transport
told = re.compile(rb'"message":"at ([0-9.]+)"')
async def follow(transport, late, opened):
    stream = await transport.stream("GET", "/kit/v1/events", b"", [], silence=30)
    opened.release()
    async for part in stream.parts:
        now = time.time()
        late += [now - float(at) for at in told.findall(part)]
        if b'"message":"end"' in part:
            return
async def main():
    transport = Transport(Address.read(Path(sys.argv[1])))
    late, opened = [], asyncio.Semaphore(0)
    tasks = [asyncio.create_task(follow(transport, late, opened)) for _ in range(int(sys.argv[2]))]
    for _ in tasks: await opened.acquire()
    print("ready", flush=True)
    await asyncio.gather(*tasks)
    late.sort()
    print(len(late), late[len(late) // 2], late[int(len(late) * .99)])
asyncio.run(main())
"""

TALKER = """
import asyncio, time
async def execute(job):
    begun, said = time.time(), 0
    while said < {count}:
        due = min({count}, int((time.time() - begun) * {rate}))
        for _ in range(due - said):
            print("at", time.time())
        said = due
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.2)
    print("end")
"""


async def followed(folder: Path, port: Port, followers: int, rate: int, count: int) -> float:
    """Return the 99th percentile of milliseconds from printed in a job to read by a follower."""
    # The followers are a process of their own, as they are in use.
    reading = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FOLLOWERS, str(folder), str(followers)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert reading.stdout is not None
    await reading.stdout.readline()
    source = TALKER.format(count=count, rate=rate)
    talker = spec("talker").evolve(bundle=Bundle(source=source, entry="execute"))
    await port.trigger_job((await port.create_job(talker)).id)
    heard, median, worst = (await reading.stdout.readline()).split()
    await reading.wait()
    print(f"  ({heard.decode()} deliveries, median {float(median) * 1_000:.1f} ms)")
    return float(worst) * 1_000


async def crowd(folder: Path, clients: int, calls: int) -> tuple[float, int]:
    """Return calls a second and how many failed."""
    ports = [await HttpPort.connect(folder) for _ in range(clients)]
    failed = 0

    async def ask(port: HttpPort) -> None:
        nonlocal failed
        for _ in range(calls // clients):
            try:
                await port.status()
            except Exception:  # noqa: BLE001 - counted
                failed += 1

    begun = time.perf_counter()
    await asyncio.gather(*(ask(port) for port in ports))
    rate = clients * (calls // clients) / (time.perf_counter() - begun)
    for port in ports:
        await port.aclose()
    return rate, failed


async def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        starts = []
        for number in range(5):
            folder = Path(place) / str(number)
            folder.mkdir(mode=0o700)
            begun = time.perf_counter()
            address = await discover.find_or_start(folder)
            starts.append(time.perf_counter() - begun)
            os.kill(address.pid, signal.SIGKILL)
        best = min(starts) * 1_000
        show(
            "first client to engine ready (best of 5)", best, "ms", "< 1500 ms", holds=best < 1_500
        )

        inside = Path(place) / "inside"
        async with await Engine.open(inside) as engine:
            create_in, run_in = await creates_and_runs(engine, "in")
        folder = Path(place) / "outside"
        folder.mkdir(mode=0o700)
        async with await HttpPort.connect(folder) as port:
            create_out, run_out = await creates_and_runs(port, "out")
            bound = 2 * create_in + 2
            goal = f"<= {bound:.1f} ms (2 x {create_in:.1f} + 2)"
            show(
                "create, durable, from a client (p50)",
                create_out,
                "ms",
                goal,
                holds=create_out <= bound,
            )
            goal = f"<= {run_in + 8:.1f} ms ({run_in:.1f} + 8)"
            show(
                "trigger to result, from a client (p50)",
                run_out,
                "ms",
                goal,
                holds=run_out <= run_in + 8,
            )
            late = await followed(folder, port, followers=50, rate=500, count=1_500)
            show("event to 50 followers at 500/s (p99)", late, "ms", "< 20 ms", holds=late < 20)
            rate, failed = await crowd(folder, 64, 10_000)
            show("64 clients at once, 10,000 calls", rate, "/s", "no error", holds=failed == 0)
        await asyncio.to_thread(discover.stop, folder)


asyncio.run(main())
