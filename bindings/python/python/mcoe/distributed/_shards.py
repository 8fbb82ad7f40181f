"""The work on one shard: a part of a scenario with whole workspaces."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow
import pyarrow.parquet

from mcoe import _mcoe
from mcoe.distributed._folder import Folder

INPUT = "_input"
"""The subfolder with the tables of each shard."""
PARTS = "_parts"
"""The subfolder with a file for each shard that is done."""
CLIENTS_AT_ONCE = 500
"""Number of clients whose rows are in memory at once."""
TABLES_OF_CLIENTS = ("posts", "decisions", "conflicts", "allocations", "certificates", "limits")
"""The tables of a plan whose rows concern one client each."""


@dataclass(frozen=True)
class Job:
    """What all shards of a run have in common."""

    out: str
    rules: dict[str, str]
    manifest: str
    hash: str
    threads: int

    def key(self) -> dict[str, Any]:
        """What must not differ if a run goes on."""
        return {
            "version": _mcoe.__version__,
            "rules_hash": _rules(json.dumps(self.rules, sort_keys=True)).hash,
            "scenario_hash": self.hash,
        }


@dataclass(frozen=True)
class PlanJob(Job):
    """Plans a week."""

    week: str

    def key(self) -> dict[str, Any]:
        return {**super().key(), "work": "plan", "week": self.week}


@dataclass(frozen=True)
class SimulationJob(Job):
    """Simulates weeks."""

    weeks: int
    replications: int
    seed: int
    tier: str

    def key(self) -> dict[str, Any]:
        extent = {"weeks": self.weeks, "replications": self.replications, "seed": self.seed, "tier": self.tier}
        return {**super().key(), "work": "simulate", **extent}


@dataclass(frozen=True)
class Shard:
    """Some workspaces, and for a simulation some replications: from ``first`` to before ``last``."""

    workspaces: int
    first: int = 0
    last: int = 0

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.workspaces:05}" if self.last == 0 else f"{self.workspaces:05}-{self.first:06}"

    @property
    def done(self) -> str:
        """The file that is written last."""
        return f"{PARTS}/{self.name}.json"


def work_on(job: Job, shard: Shard) -> str:
    """Does the work on a shard, and returns its name. Doing it again writes the same."""
    out = Folder(job.out)
    rules = _rules(json.dumps(job.rules, sort_keys=True))
    scenario = _scenario(out, job, shard.workspaces, rules)
    if isinstance(job, PlanJob):
        _plan(out, job, shard, rules, scenario)
    elif isinstance(job, SimulationJob):
        _simulate(out, job, shard, rules, scenario)
    return shard.name


def names_in(job: Job, shard: Shard) -> str:
    """The names in a shard that the pack may use, as JSON."""
    rules = _rules(json.dumps(job.rules, sort_keys=True))
    return _scenario(Folder(job.out), job, shard.workspaces, rules).known_names()


@lru_cache(maxsize=1)
def _rules(files: str) -> _mcoe.Rules:
    """Compiles a pack once in each process."""
    return _mcoe.Rules(json.loads(files))


def _scenario(out: Folder, job: Job, workspaces: int, rules: _mcoe.Rules) -> _mcoe.Scenario:
    manifest = _mcoe.Manifest(job.manifest)
    files = {table: out.read(f"{INPUT}/{workspaces:05}/{table}.parquet") for table in manifest.files}
    return _mcoe.Scenario.part(manifest, job.hash, files, rules)


def _plan(out: Folder, job: PlanJob, shard: Shard, rules: _mcoe.Rules, scenario: _mcoe.Scenario) -> None:
    plan = _mcoe.plan_part(rules, scenario, job.week, job.threads)
    sinks = {name: pyarrow.BufferOutputStream() for name in TABLES_OF_CLIENTS}
    writers: dict[str, Any] = {}
    totals = []
    # At least once, so that a shard without clients has files, too.
    for first in range(0, max(1, plan.counts["clients"]), CLIENTS_AT_ONCE):
        tables, totals_of_clients = plan.client_tables(first, CLIENTS_AT_ONCE)
        totals.append(totals_of_clients)
        for name, sink in sinks.items():
            table = pyarrow.table(tables[name])
            if name not in writers:
                writers[name] = pyarrow.parquet.ParquetWriter(sink, table.schema, compression="zstd")
            writers[name].write_table(table)
    hashes = {}
    for name, sink in sinks.items():
        writers[name].close()
        file, content = f"{name}/part-{shard.name}.parquet", sink.getvalue().to_pybytes()
        out.write(file, content)
        hashes[file] = _mcoe.content_hash(content)
    out.write_json(shard.done, {"summary": plan.summary(totals), "files": hashes})


def _simulate(out: Folder, job: SimulationJob, shard: Shard, rules: _mcoe.Rules, scenario: _mcoe.Scenario) -> None:
    clients, replications = _mcoe.simulate_part(
        rules, scenario, job.weeks, job.seed, job.tier, shard.first, shard.last, job.threads
    )
    schema = pyarrow.schema([pyarrow.field("part", pyarrow.large_binary())])
    sink = pyarrow.BufferOutputStream()
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        # One row group a replication, since they are read one after the other.
        for replication in replications:
            writer.write_table(pyarrow.table({"part": [replication]}, schema=schema))
    out.write(f"{PARTS}/{shard.name}.parquet", sink.getvalue().to_pybytes())
    out.write_json(shard.done, {"clients": base64.b64encode(clients).decode()})


def parquet_bytes(table: _mcoe.Table) -> bytes:
    """A table as a Parquet file."""
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(table), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())
