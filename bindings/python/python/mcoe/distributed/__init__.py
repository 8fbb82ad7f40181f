"""Plans and simulations of scenarios that are too large for one process, on Ray, on Spark, or here.

The workspaces of a scenario are divided among shards, each of which is planned or simulated on its own. The results are
those of the command line to the bit, whatever the engine and the number of shards; a table is a folder of Parquet files
where the command line writes one file. A run that was interrupted goes on if it is started again with the same
arguments, and does only what is missing.

>>> from mcoe import distributed
>>> plan = distributed.plan(RULES, SCENARIO, OUT / "plan")
>>> plan["counts"]["clients"]
2

It needs pyarrow (``pip install 'mcoe[distributed]'``); the engines need Ray (``mcoe[ray]``) or Spark (``mcoe[spark]``).
Folders are paths, or URIs of pyarrow such as ``s3://bucket/folder``; every worker must be able to reach the output
folder. ``python -m mcoe.distributed`` does the same from a shell.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from os import PathLike, fspath
from typing import Any, TypeVar

import pyarrow.parquet

from mcoe import RulesSource, ScenarioError, Simulation, _check_extent, _mcoe, _whole, read_rules, read_scenario
from mcoe.distributed import _engines
from mcoe.distributed._folder import LOCK, Folder
from mcoe.distributed._shards import INPUT, PARTS, Job, PlanJob, Shard, SimulationJob, names_in, parquet_bytes, work_on
from mcoe.distributed._split import MAX_SHARDS, Division, Indivisible, Source, split
from mcoe.errors import RunError

__all__ = ["plan", "simulate"]

COMPLETE = f"{INPUT}/_complete"
"""The file that says that the tables of all shards are there."""
JOB = "_job.json"
"""The file that says what a folder's run is."""

Progress = Callable[[int, int], None]
"""Is told how many shards are done, and how many there are."""

_Job = TypeVar("_Job", bound=Job)


def plan(
    rules: RulesSource,
    scenario: str | PathLike[str],
    out: str | PathLike[str],
    week: str | None = None,
    *,
    engine: str = "local",
    shards: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Plans a week for every client of a scenario, and returns the contents of ``plan.json``.

    :param scenario: the scenario's folder: ``scenario.toml`` and its tables in Parquet or CSV. A CSV table is read as a
        whole, so large tables should be Parquet.
    :param out: folder for the results. ``mcoe commit`` takes it like one that ``mcoe plan`` wrote.
    :param week: an ISO week such as ``2026-W37``; default: the first week of the scenario.
    :param engine: ``local``, ``ray`` or ``spark``.
    :param shards: number of shards, at most one for each workspace; default: one for each 250 clients.
    :param threads: number of threads for each shard; default: one on Ray and Spark, and one for each core here.
    :raises McoeError: if an input is invalid, a rule fails, or the folder has results of another run.
    """
    run = _Run(rules, scenario, out, engine, shards, threads)

    def job(common: dict[str, Any]) -> PlanJob:
        return PlanJob(**common, week=week or run.source.manifest.start)

    with run.folder.locked():
        prepared = run.prepare(job)
        done = run.work(prepared, [Shard(number) for number in range(run.shards)], progress)
        return run.finish_plan(done)


def simulate(
    rules: RulesSource,
    scenario: str | PathLike[str],
    out: str | PathLike[str],
    *,
    weeks: int | None = None,
    replications: int = 20,
    seed: int = 1,
    tier: str = "exact",
    engine: str = "local",
    shards: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Simulates weeks of planning, review and response, and writes the tables and ``run.json``.

    The arguments are those of :func:`mcoe.simulate` and :func:`plan`. If there are fewer workspaces than shards, the
    replications of a workspace are divided, too.

    >>> run = distributed.simulate(RULES, SCENARIO, OUT / "run", weeks=1, replications=2)
    >>> run.provenance["clients"]
    2
    """
    _check_extent(weeks, replications, seed)
    run = _Run(rules, scenario, out, engine, shards, threads)

    def job(common: dict[str, Any]) -> SimulationJob:
        length = weeks or run.source.manifest.weeks
        return SimulationJob(**common, weeks=length, replications=replications, seed=seed, tier=tier)

    with run.folder.locked():
        prepared = run.prepare(job)
        ranges = _ranges(replications, -(-(shards or 1) // run.shards))
        all_shards = [Shard(number, *part) for number in range(run.shards) for part in ranges]
        run.work(prepared, all_shards, progress)
        return run.finish_simulation(prepared, ranges)


def _ranges(replications: int, parts: int) -> list[tuple[int, int]]:
    """Divides the replications into nearly equal ranges."""
    parts = min(parts, replications)
    bounds = [replications * part // parts for part in range(parts + 1)]
    return list(zip(bounds, bounds[1:], strict=False))


class _Run:
    """A run into a folder."""

    def __init__(
        self,
        rules: RulesSource,
        scenario: str | PathLike[str],
        out: str | PathLike[str],
        engine: str,
        shards: int | None,
        threads: int | None,
    ) -> None:
        if shards is not None:
            _whole("shards", shards, 1, MAX_SHARDS)
        if threads is not None:
            _whole("threads", threads, 1, 1024)
        self.engine = _engines.engine(engine)
        self.threads = threads if threads is not None or engine == "local" else 1
        self.wanted_shards = shards
        self.shards = 0
        self.rules = read_rules(rules)
        self.scenario = fspath(scenario)
        self.folder = Folder(fspath(out))
        self.source = Source.of(Folder(self.scenario))

    def prepare(self, job_of: Callable[[dict[str, Any]], _Job]) -> _Job:
        """Divides the scenario, unless the folder has the same run already."""
        source = self.source
        common = {
            "out": self.folder.name,
            "rules": self.rules.files,
            "manifest": source.manifest_text,
            "hash": source.hash,
            "threads": self.threads,
        }
        job = job_of(common)
        recorded = self.folder.read_json(JOB)
        if recorded is None:
            _refuse_other_files(self.folder)
        elif {**job.key(), "wanted_shards": self.wanted_shards} != recorded["key"]:
            remedy = "name another folder, or remove this one"
            raise RunError(f"`{self.folder.name}` has the results of a run with other inputs or arguments", remedy)
        else:
            self.shards = recorded["shards"]
            return job
        self._divide(job)
        return job

    def _divide(self, job: Job) -> None:
        key = {**job.key(), "wanted_shards": self.wanted_shards}
        try:
            division = Division.of(self.source, self.wanted_shards)
            self.shards = division.shards
            split(self.source, division, self.folder, INPUT)
            self.folder.write(COMPLETE, b"")
        except Indivisible as error:
            self._read_whole()
            remedy = "copy the folder and read it with `mcoe.read_scenario`, which lists all mistakes"
            raise ScenarioError(f"the scenario cannot be divided: {error}", remedy) from error
        self._check_names(job)
        self.folder.write_json(JOB, {"key": key, "shards": self.shards})

    def _check_names(self, job: Job) -> None:
        if self.rules.uses_names:
            names = self._each(names_in, job, [Shard(number) for number in range(self.shards)])
            _mcoe.check_names_of_parts(self.rules, list(names))

    def _each(self, work: _engines.Work, job: Job, shards: list[Shard]) -> Iterator[str]:
        """Does the work for each shard. If tables are invalid, all mistakes of the whole scenario are raised."""
        try:
            yield from self.engine(work, job, shards)
        except ScenarioError:
            self._read_whole()
            raise

    def _read_whole(self) -> None:
        """Reads the scenario as a whole, which raises all mistakes with their places in its own files."""
        if self.source.folder.is_local:
            read_scenario(self.source.folder.root, self.rules)

    def work(self, job: Job, shards: list[Shard], progress: Progress | None) -> list[dict[str, Any]]:
        """Does what is missing, and returns what was noted when each shard was done."""
        missing = [shard for shard in shards if self.folder.read_json(shard.done) is None]
        count = len(shards) - len(missing)
        if progress is not None:
            progress(count, len(shards))
        if missing and not self.folder.exists(COMPLETE):
            # The run was finished before, and files were removed since.
            self._divide(job)
        if missing:
            for _ in self._each(work_on, job, missing):
                count += 1
                if progress is not None:
                    progress(count, len(shards))
        return [self.folder.read_json(shard.done) for shard in shards]

    def finish_plan(self, done: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Writes what concerns the plan as a whole; ``plan.json`` last."""
        text, tables = _mcoe.joined_plan([part["summary"] for part in done], self.scenario_path())
        files = {file: content for part in done for file, content in part["files"].items()}
        for name, table in tables.items():
            content = parquet_bytes(table)
            self.folder.write(f"{name}.parquet", content)
            files[f"{name}.parquet"] = _mcoe.content_hash(content)
        for name, text_of_rule in self.rules.files.items():
            self.folder.write(f"rules/{name}", text_of_rule.encode())
        self.folder.write_json("parts.json", {"format": 1, "files": files})
        self.folder.write("plan.json", f"{text}\n".encode())
        self._remove_input()
        return dict(json.loads(text))

    def finish_simulation(self, job: SimulationJob, ranges: list[tuple[int, int]]) -> Simulation:
        """Adds up the parts, and writes the tables; ``run.json`` last."""
        first = [self.folder.read_json(Shard(number, *ranges[0]).done) for number in range(self.shards)]
        clients = [base64.b64decode(part["clients"]) for part in first]
        empty = _mcoe.Scenario.empty(self.source.manifest, job.hash)
        simulation = _mcoe.joined_simulation(
            self.rules, empty, job.weeks, job.replications, job.seed, job.tier, clients, self._replications(ranges)
        )
        for name, table in simulation.tables().items():
            self.folder.write(f"tables/{name}.parquet", parquet_bytes(table))
        self.folder.write_json("run.json", {"format": 1, "provenance": simulation.provenance})
        self._remove_input()
        return simulation

    def _replications(self, ranges: list[tuple[int, int]]) -> Iterator[list[bytes]]:
        """The parts of each replication, in order of the shards."""
        for first, last in ranges:
            files = [f"{PARTS}/{Shard(number, first, last).name}.parquet" for number in range(self.shards)]
            opened = [pyarrow.parquet.ParquetFile(self.folder.open(file)) for file in files]
            for row_group in range(last - first):
                yield [file.read_row_group(row_group).column("part")[0].as_py() for file in opened]
            for file in opened:
                file.close()

    def scenario_path(self) -> str:
        """Where the command line finds the scenario: as it was given, unless it was a URI of a folder on this machine."""
        return self.source.folder.root if "://" in self.scenario else self.scenario

    def _remove_input(self) -> None:
        self.folder.remove_file(COMPLETE)
        self.folder.remove(INPUT)


def _refuse_other_files(folder: Folder) -> None:
    """Fails if the folder has files that are not those of an unfinished division."""
    others = sorted(folder.names() - {INPUT, LOCK})
    if others:
        remedy = "name a new folder, or an empty one"
        raise RunError(f"`{folder.name}` has other files, such as `{others[0]}`", remedy)
