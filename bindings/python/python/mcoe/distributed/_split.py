"""Divides the tables of a scenario among shards, so that each shard has whole workspaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from mcoe import _mcoe
from mcoe.errors import ScenarioError

if TYPE_CHECKING:
    from mcoe.distributed._folder import Folder

MANIFEST = "scenario.toml"
CLIENTS_PER_SHARD = 250
"""Number of clients of a shard, unless the caller says how many shards there are or a workspace is larger."""
MAX_SHARDS = 100_000
ROWS_AT_ONCE = 1 << 16
"""Number of rows that are read, or written into a shard's file, at once."""
CHUNK = 8 << 20
"""Number of bytes that are read at once."""
GLOBAL_KEYS = {"assets": "asset_id", "campaigns": "campaign_id", "warnings": "warning_id"}
"""Tables whose key must not stand in two shards."""


_TARGETS = ("client_id", "workspace_id")
"""The columns by which a row of ``limits`` is for a client or for a workspace."""


class Indivisible(Exception):
    """The tables are probably invalid. Reading the scenario as a whole lists the mistakes with their places."""


@dataclass(frozen=True)
class Source:
    """A scenario that is read in parts."""

    folder: Folder
    manifest: _mcoe.Manifest
    manifest_text: str
    hash: str

    @staticmethod
    def of(folder: Folder) -> Source:
        """Reads the manifest, and computes the hash of the scenario."""
        try:
            text = folder.read(MANIFEST).decode()
        except UnicodeDecodeError as error:
            raise ScenarioError(f"`{MANIFEST}` is not UTF-8", "save it in UTF-8") from error
        manifest = _mcoe.Manifest(text)
        hasher = manifest.hasher()
        for table, file in sorted(manifest.files.items()):
            hasher.begin_table(table, file, folder.size(file))
            with folder.open(file) as stream:
                while chunk := stream.read(CHUNK):
                    hasher.update(chunk)
        return Source(folder, manifest, text, hasher.finish())

    def batches(self, table: str) -> Iterator[pyarrow.RecordBatch]:
        """The rows of a table, some at a time; at least one batch, which may have no rows."""
        file = self.manifest.files[table]
        if file.endswith(".csv"):
            texts = pyarrow.table(_mcoe.read_csv_table(table, file, self.folder.read(file)))
            yield from texts.to_batches() or [pyarrow.RecordBatch.from_pylist([], schema=texts.schema)]
            return
        with self.folder.open(file) as stream:
            try:
                parquet = pyarrow.parquet.ParquetFile(stream)
                yield pyarrow.RecordBatch.from_pylist([], schema=parquet.schema_arrow)
                yield from parquet.iter_batches(batch_size=ROWS_AT_ONCE)
            except (pyarrow.ArrowException, OSError) as error:
                raise Indivisible(str(error)) from error


@dataclass(frozen=True)
class Division:
    """Which shard has which clients and workspaces."""

    shards: int
    of_client: dict[str, int]
    of_workspace: dict[str, int]

    @staticmethod
    def of(source: Source, shards: int | None) -> Division:
        """Divides the workspaces: the largest first, each to the shard with the fewest clients so far."""
        clients: dict[str, str] = {}
        for batch in source.batches("clients"):
            ids, workspaces = _texts(batch, "client_id"), _texts(batch, "workspace_id")
            for client, workspace in zip(ids, workspaces, strict=True):
                if client is None or workspace is None or client in clients:
                    raise Indivisible("a client has no id or workspace, or stands in the table twice")
                clients[client] = workspace
        sizes = Counter(clients.values())
        wanted = shards or -(-len(clients) // CLIENTS_PER_SHARD)
        count = max(1, min(wanted, len(sizes), MAX_SHARDS))
        loads = [0] * count
        of_workspace: dict[str, int] = {}
        for workspace, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
            shard = loads.index(min(loads))
            of_workspace[workspace] = shard
            loads[shard] += size
        return Division(count, {client: of_workspace[name] for client, name in clients.items()}, of_workspace)

    def shards_of(self, table: str, batch: pyarrow.RecordBatch) -> pyarrow.Array:
        """The shard of each row; null if all shards need it."""
        if table == "calendar":
            return pyarrow.array([self._shard_of_scope(scope) for scope in _texts(batch, "scope")], pyarrow.int64())
        if table == "limits":
            columns = [_texts(batch, name) if name in batch.schema.names else None for name in _TARGETS]
            targets = zip(*(column or [None] * batch.num_rows for column in columns), strict=True)
            return pyarrow.array([self._shard_of_target(*target) for target in targets], pyarrow.int64())
        clients = pyarrow.array(self.of_client.keys(), pyarrow.string())
        shards = pyarrow.array(self.of_client.values(), pyarrow.int64())
        found = shards.take(pyarrow.compute.index_in(_column(batch, "client_id"), clients))
        if found.null_count:
            raise Indivisible("a row names no client of the scenario")
        return found

    def _shard_of_target(self, client: str | None, workspace: str | None) -> int:
        shard = self.of_client.get(client or "") if workspace is None else self.of_workspace.get(workspace)
        if shard is None:
            raise Indivisible("a row names no client or workspace of the scenario")
        return shard

    def _shard_of_scope(self, scope: str | None) -> int | None:
        kind, _, name = (scope or "").split("/")[0].partition(":")
        if not name:
            return None
        of_scope = self.of_workspace if kind == "workspace" else self.of_client
        if name.strip() not in of_scope:
            raise Indivisible("a row names no client or workspace of the scenario")
        return of_scope[name.strip()]


def split(source: Source, division: Division, out: Folder, subfolder: str) -> None:
    """Writes the rows of each shard as Parquet files ``SUBFOLDER/SHARD/TABLE.parquet``."""
    for table in source.manifest.files:
        try:
            files = _files_of_shards(source, division, table)
        except Indivisible as error:
            raise Indivisible(f"table `{table}`: {error}") from error
        for shard, content in enumerate(files):
            out.write(f"{subfolder}/{shard:05}/{table}.parquet", content)


def _files_of_shards(source: Source, division: Division, table: str) -> list[bytes]:
    """The rows of a table as a Parquet file for each shard."""
    rows = [_ShardRows() for _ in range(division.shards)]
    seen: set[str] = set()
    for batch in source.batches(table):
        _refuse_repeated(table, batch, seen)
        for shard, batch_of_shard in _rows_by_shard(division, table, batch):
            rows[shard].add(batch_of_shard)
    return [each.file() for each in rows]


class _ShardRows:
    """Writes the rows of a shard, so many at a time that row groups are not small."""

    def __init__(self) -> None:
        self._sink = pyarrow.BufferOutputStream()
        self._writer: Any = None
        self._waiting: list[pyarrow.RecordBatch] = []

    def add(self, batch: pyarrow.RecordBatch) -> None:
        """Adds rows. The first batch may have none."""
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._sink, batch.schema, compression="zstd")
        self._waiting.append(batch)
        if sum(waiting.num_rows for waiting in self._waiting) >= ROWS_AT_ONCE:
            self._write()

    def _write(self) -> None:
        self._writer.write_table(pyarrow.Table.from_batches(self._waiting))
        self._waiting = []

    def file(self) -> bytes:
        """The file with all rows."""
        if self._waiting:
            self._write()
        self._writer.close()
        return bytes(self._sink.getvalue().to_pybytes())


def _rows_by_shard(
    division: Division, table: str, batch: pyarrow.RecordBatch
) -> Iterator[tuple[int, pyarrow.RecordBatch]]:
    if batch.num_rows == 0:
        # A table without rows has a file, too.
        yield from ((shard, batch) for shard in range(division.shards))
        return
    shards = division.shards_of(table, batch)
    of_all = batch.filter(shards.is_null())
    if of_all.num_rows:
        yield from ((shard, of_all) for shard in range(division.shards))
    order = pyarrow.compute.array_sort_indices(shards, null_placement="at_end")
    ordered, start = batch.take(order), 0
    for count in sorted(shards.drop_null().value_counts().to_pylist(), key=lambda count: count["values"]):
        yield count["values"], ordered.slice(start, count["counts"])
        start += count["counts"]


def _refuse_repeated(table: str, batch: pyarrow.RecordBatch, seen: set[str]) -> None:
    """Keys must be unique in the whole scenario, which no shard can see on its own."""
    if table in GLOBAL_KEYS:
        keys = [key for key in _texts(batch, GLOBAL_KEYS[table]) if key is not None]
        before = len(seen)
        seen.update(keys)
        if len(seen) - before != len(keys):
            raise Indivisible("a key stands in the table twice")


def _column(batch: pyarrow.RecordBatch, column: str) -> pyarrow.Array:
    """The cells of a column as texts without the blanks around them."""
    if column not in batch.schema.names:
        raise Indivisible(f"there is no column `{column}`")
    try:
        return pyarrow.compute.utf8_trim_whitespace(batch.column(column).cast(pyarrow.string()))
    except pyarrow.ArrowException as error:
        raise Indivisible(str(error)) from error


def _texts(batch: pyarrow.RecordBatch, column: str) -> list[str | None]:
    """The cells of a column without the blanks around them; blank ones are ``None``."""
    return [cell or None for cell in _column(batch, column).to_pylist()]
