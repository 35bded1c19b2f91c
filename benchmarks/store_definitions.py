"""Definitions on disk: their costs as ratios taken in one run on one machine.

Run ``python benchmarks/store_definitions.py``; ``--quick`` leaves out 100,000 jobs.
Each line says what was measured, the ratio, and the most it may be (or the least).
Sides of a ratio are measured in turns, and the medians compared.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tinydb import TinyDB

from luajobs_kit.model import JobRecord
from luajobs_kit.store import Definitions, Put
from luajobs_kit.store.definitions.disk import Disk

NOW = datetime(2026, 1, 1, tzinfo=UTC)
failed = []


def job(number, note=""):
    return JobRecord(
        id=f"job_{number:026}",
        name=f"user-reminder-{number}",
        user_id="user_00000000000000000000000001",
        metadata={"message": "Team meeting in 10 minutes", "note": note},
        active_version_id=f"ver_{number:026}",
        created_at=NOW,
        updated_at=NOW,
    )


def report(what, ratio, *, most=None, least=None, unit="x"):
    good = (most is None or ratio <= most) and (least is None or ratio >= least)
    if not good:
        failed.append(what)
    bound = f"at most {most}" if most is not None else f"at least {least}"
    print(f"{'ok  ' if good else 'MISS'} {what}: {ratio:.2f}{unit} ({bound}{unit})", flush=True)


def seconds(work, count):
    begun = time.perf_counter()
    for number in range(count):
        work(number)
    return (time.perf_counter() - begun) / count


async def fill(definitions, count):
    for start in range(0, count, 5000):
        await definitions.commit(*(Put(job(n)) for n in range(start, min(start + 5000, count))))


async def one_by_one(definitions, jobs):
    """Commit each; return the median of their times in seconds."""
    taken = []
    for each in jobs:
        begun = time.perf_counter()
        await definitions.commit(Put(each))
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


async def measure_growth(sizes):
    """Creating and updating one job, by how many there are (no fsync: it would hide the rest)."""
    opened, folders = {}, []
    for size in sizes:
        folders.append(tempfile.TemporaryDirectory())
        opened[size] = Definitions(Path(folders[-1].name), fsync=False)
        await fill(opened[size], size)
        opened[size].tinydb.storage.compact()
    gc.collect()
    gc.freeze()
    create, update = {size: [] for size in sizes}, {size: [] for size in sizes}
    for turn in range(40):
        # Not in the same order each turn: a neighbour's compaction would always hit the same.
        for size, definitions in random.Random(turn).sample(list(opened.items()), len(opened)):
            new = [job(10**9 + turn * 50 + n) for n in range(50)]
            create[size].append(await one_by_one(definitions, new))
            changed = [job((turn * 997 + n * 13) % size, f"turn {turn}") for n in range(50)]
            update[size].append(await one_by_one(definitions, changed))
    for what, times in (("create", create), ("update", update)):
        medians = {size: statistics.median(taken) for size, taken in times.items()}
        shown = ", ".join(f"{size:,}: {1e6 * taken:.0f} µs" for size, taken in medians.items())
        report(
            f"{what} one job, slowest over fastest ({shown})",
            max(medians.values()) / min(medians.values()),
            most=1.5,
        )
    for definitions in opened.values():
        await definitions.aclose()
    for folder in folders:
        folder.cleanup()
    gc.unfreeze()


async def measure_single(folder):
    """One commit against appending a line with the same document, without and with fsync."""
    for fsync, count, most in ((False, 4000, 10), (True, 400, 1.3)):
        place = folder / f"single{fsync}"
        place.mkdir()
        definitions = Definitions(place, fsync=fsync)
        await fill(definitions, 1000)
        definitions.tinydb.storage.compact()
        table = definitions.tinydb.table("jobs")
        times = {"bare": [], "off the loop": [], "commit": [], "update": []}
        with (place / "bare").open("a") as file:

            def bare(document, file=file, fsync=fsync):
                file.write(json.dumps(document) + "\n")
                file.flush()
                if fsync:
                    os.fsync(file.fileno())

            for number in range(count):
                new = job(number % 1000, str(number))
                document = new.to_json()
                for what, taken in times.items():  # in turns: a busy disk slows all sides alike
                    begun = time.perf_counter()
                    if what == "bare":
                        bare(document)
                    elif what == "off the loop":
                        if fsync:
                            await asyncio.to_thread(bare, document)
                    elif what == "commit":
                        await definitions.commit(Put(new))
                    else:
                        table.update({"note": number}, doc_ids=[number % 1000 + 1])
                    taken.append(time.perf_counter() - begun)
        median = {what: 1e6 * statistics.median(taken) for what, taken in times.items()}
        report(
            f"one commit {'with' if fsync else 'without'} fsync over a bare line "
            f"({median['commit']:.0f} over {median['bare']:.1f} µs)",
            median["commit"] / median["bare"],
            most=most,
        )
        if fsync:
            print(
                f"     a bare line synced in a thread, as commits are while syncs are slow: "
                f"{median['off the loop']:.0f} µs; TinyDB's update: {median['update']:.0f} µs"
            )
        await definitions.aclose()


class CountingDisk(Disk):
    syncs = 0

    def sync(self, descriptor):
        self.syncs += 1
        super().sync(descriptor)


async def measure_sharing(folder):
    disk = CountingDisk()
    (folder / "shared").mkdir()
    definitions = Definitions(folder / "shared", disk=disk)
    await fill(definitions, 64)
    most = 0
    for turn in range(20):
        before = disk.syncs
        await asyncio.gather(*(definitions.commit(Put(job(n, str(turn)))) for n in range(64)))
        most = max(most, disk.syncs - before)
    report("syncs for 64 concurrent writers", most, most=4, unit="")
    await definitions.aclose()


async def measure_tinydb(folder):
    """An update of one of 10,000 documents, ours synced to the disk and TinyDB's not."""
    plain = TinyDB(folder / "plain.json")
    plain.insert_multiple(job(n).to_json() for n in range(10_000))
    theirs = seconds(lambda n: plain.update({"public": True}, doc_ids=[n + 1]), 5)
    plain.close()
    (folder / "ours").mkdir()
    definitions = Definitions(folder / "ours")
    await fill(definitions, 10_000)
    table = definitions.tinydb.table("jobs")
    ours = statistics.median(
        seconds(lambda n: table.update({"note": time.perf_counter_ns()}, doc_ids=[n + 1]), 1)
        for _ in range(50)
    )
    commit = await one_by_one(definitions, [job(n, "changed") for n in range(100)])
    await definitions.aclose()
    definitions = Definitions(folder / "ours", fsync=False)
    table = definitions.tinydb.table("jobs")
    unsynced = seconds(lambda n: table.update({"note": -n}, doc_ids=[n + 1]), 500)
    await definitions.aclose()
    report(
        f"JSONStorage over ours, 10,000 documents, neither synced ({1e3 * theirs:.0f} ms "
        f"over {1e6 * unsynced:.0f} µs)",
        theirs / unsynced,
        least=200,
    )
    print(
        f"     the same with ours synced to disk: {theirs / ours:.0f}x; commit() {theirs / commit:.0f}x"
    )


async def measure_opening(folder, count):
    (folder / "open").mkdir()
    definitions = Definitions(folder / "open", fsync=False)
    await fill(definitions, count)
    await definitions.aclose()
    data = (folder / "open" / "definitions.json").read_bytes()
    ours, theirs = [], []
    for _ in range(3):
        gc.collect()
        begun = time.perf_counter()
        value = json.loads(data)
        theirs.append(time.perf_counter() - begun)
        del value
        gc.collect()
        begun = time.perf_counter()
        definitions = Definitions(folder / "open", fsync=False)
        ours.append(time.perf_counter() - begun)
        assert definitions.job(f"job_{count - 1:026}") is not None
        await definitions.aclose()
    mine, other = statistics.median(ours), statistics.median(theirs)
    report(
        f"opening {count:,} jobs over json.loads of the same bytes "
        f"({1e3 * mine:.0f} over {1e3 * other:.0f} ms)",
        mine / other,
        most=3,
    )


async def measure_compaction(folder, count):
    """How long commits wait while a compaction goes on."""
    (folder / "compact").mkdir()
    definitions = Definitions(folder / "compact", fsync=False)
    await fill(definitions, count)
    gc.collect()
    gc.freeze()  # else the longest wait is Python's garbage collector looking at it all
    compaction = asyncio.get_running_loop().run_in_executor(
        None, definitions.tinydb.storage.compact
    )
    waits = []
    while not compaction.done():
        waits.append(await one_by_one(definitions, [job(len(waits))]))
        await asyncio.sleep(0.001)
    await compaction
    waits.sort()
    print(
        f"     during a compaction of {count:,} jobs: {len(waits)} commits, median "
        f"{1e3 * waits[len(waits) // 2]:.2f} ms, slowest {1e3 * waits[-1]:.0f} ms"
    )
    await definitions.aclose()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="leave out 100,000 jobs")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await measure_single(folder)
        await measure_sharing(folder)
        await measure_tinydb(folder)
        await measure_growth([100, 1_000, 10_000] if quick else [100, 1_000, 10_000, 100_000])
        await measure_opening(folder, 10_000 if quick else 100_000)
        await measure_compaction(folder, 10_000 if quick else 100_000)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
