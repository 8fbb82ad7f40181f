"""Runs the same function for many shards: here, on Ray or on Spark."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mcoe.errors import McoeError, RunError

if TYPE_CHECKING:
    import pyarrow

    from mcoe.distributed._shards import Job, Shard

Work = Callable[["Job", "Shard"], str]
"""What is done for a shard, anywhere."""

Engine = Callable[[Work, "Job", "list[Shard]"], "Iterable[str]"]
"""Yields the result of each shard, in any order."""

TRIES = 4
"""How often a shard is tried if its worker dies."""


def engine(name: str) -> Engine:
    """The engine with a name.

    :raises RunError: if there is none.
    """
    engines = {"local": _local, "ray": _ray, "spark": _spark}
    if name not in engines:
        raise RunError(f"`{name}` is not an engine", f"use {', '.join(engines)}")
    return engines[name]


def _local(work: Work, job: Job, shards: list[Shard]) -> Iterator[str]:
    """One shard after the other, in this process, each on all threads."""
    for shard in shards:
        yield work(job, shard)


def _ray(work: Work, job: Job, shards: list[Shard]) -> Iterator[str]:
    """A task a shard. Without a cluster, Ray starts on this machine."""
    try:
        import ray
    except ModuleNotFoundError as error:
        raise RunError("Ray is not installed", "pip install 'mcoe[ray]'") from error
    if not ray.is_initialized():
        cores = os.cpu_count() or 1
        if job.threads > cores:
            # Ray would wait for ever for a machine with so many cores.
            raise RunError(f"`threads` is {job.threads}, but this machine has {cores} cores", "use fewer threads")
        ray.init(include_dashboard=False, log_to_driver=False)
    task = ray.remote(num_cpus=job.threads, max_retries=TRIES - 1)(work)
    shared = ray.put(job)
    running = [task.remote(shared, shard) for shard in shards]
    try:
        while running:
            done, running = ray.wait(running)
            for result in done:
                yield _value_of(result)
    finally:
        for result in running:
            ray.cancel(result, force=True)


def _value_of(result: Any) -> str:
    """The result of a task. An exception of the package is raised as it is, not wrapped."""
    import ray

    try:
        return str(ray.get(result))
    except ray.exceptions.RayTaskError as error:
        raise error.cause or error from None


def _spark(work: Work, job: Job, shards: list[Shard]) -> Iterator[str]:
    """A partition a shard. Without a session, Spark starts on this machine, and tries a shard again that failed."""
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise RunError("Spark is not installed", "pip install 'mcoe[spark]'; it needs Java 17 or later") from error
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.getActiveSession()
    if session is None:
        threads = os.cpu_count() or 1
        builder = SparkSession.builder.master(f"local[{threads},{TRIES}]").appName("mcoe")
        session = builder.config("spark.ui.enabled", "false").getOrCreate()

    def work_on_partition(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        import pyarrow

        for batch in batches:
            for number in batch.column(0).to_pylist():
                try:
                    result = pickle.dumps((work(job, shards[number]), None))
                except McoeError as error:
                    result = pickle.dumps((None, error))
                yield pyarrow.record_batch({"result": [result]})

    numbers = session.range(0, len(shards), 1, numPartitions=len(shards))
    for row in numbers.mapInArrow(work_on_partition, "result binary").collect():
        result, raised = pickle.loads(row["result"])
        if raised is not None:
            raise raised
        yield result
