"""The compiled part of the package. Use the names of `mcoe`."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Protocol, final

__version__: str

class ArrowStream(Protocol):
    """A table of another library: anything that hands over Arrow data by the PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Table:
    """A table of results.

    Other libraries take it as it is: ``pyarrow.table(t)``, ``polars.DataFrame(t)``, ``pandas.DataFrame.from_arrow(t)`` (pandas 3),
    ``duckdb.from_arrow(pyarrow.table(t))``.
    """

    @property
    def name(self) -> str:
        """Its name: that of the file that the command line writes, without the extension."""
    @property
    def column_names(self) -> list[str]:
        """The names of its columns."""
    @property
    def descriptions(self) -> dict[str, str]:
        """What each column holds, with its unit and range."""
    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The first ``limit`` rows as dictionaries; all rows if it is ``None``."""
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def _repr_html_(self) -> str: ...

@final
class Rules:
    """A validated rules pack."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Validates the texts of a pack's files, by name, such as ``{"channels.toml": "…"}``.

        :raises mcoe.RulesError: with every mistake.
        """
    @staticmethod
    def from_folder(path: str | PathLike[str]) -> Rules:
        """Reads and validates the pack in a folder.

        :raises mcoe.RulesError: with every mistake.
        """
    @property
    def hash(self) -> str:
        """The hash by which plans name the pack."""
    @property
    def files(self) -> dict[str, str]:
        """The texts of its files, by name."""
    @property
    def uses_names(self) -> bool:
        """Whether it names clients, workspaces or the like of a scenario."""

@final
class Scenario:
    """Clients with their state at the start of a week, and the simulated environment."""

    @staticmethod
    def from_folder(path: str | PathLike[str], rules: Rules) -> Scenario: ...
    @staticmethod
    def from_tables(settings: str, tables: Mapping[str, ArrowStream], rules: Rules) -> Scenario: ...
    @staticmethod
    def part(manifest: Manifest, hash: str, files: Mapping[str, bytes], rules: Rules) -> Scenario: ...
    @staticmethod
    def empty(manifest: Manifest, hash: str) -> Scenario: ...
    def known_names(self) -> str: ...
    @property
    def name(self) -> str:
        """Its name."""
    @property
    def start(self) -> str:
        """Its first week, such as ``2026-W37``."""
    @property
    def weeks(self) -> int:
        """Default number of weeks of a simulation."""
    @property
    def hash(self) -> str:
        """The hash by which plans name the scenario."""
    @property
    def client_ids(self) -> list[str]:
        """The ids of its clients, in order."""

@final
class Plan:
    """The plan of a week for every client of a scenario."""

    @property
    def plan_id(self) -> str:
        """Its id, the same as that of the command line's plan."""
    @property
    def week(self) -> str:
        """The ISO week, such as ``2026-W37``."""
    @property
    def rules_hash(self) -> str:
        """The hash of the rules pack."""
    @property
    def scenario_hash(self) -> str:
        """The hash of the scenario."""
    @property
    def objective(self) -> float:
        """Worth of the posts that are not blocked less their cost, in engagements of a channel whose ``worth`` is 1."""
    @property
    def upper_bound(self) -> float:
        """Upper bound of the objective of any plan of that week."""
    @property
    def gap(self) -> float:
        """The bound minus the objective, as a share of the bound, 0 to 1."""
    @property
    def expected_engagement(self) -> float:
        """Engagements that the planner expects of the posts that are not blocked."""
    @property
    def counts(self) -> dict[str, int]:
        """Numbers of ``clients`` and ``posts``, and of posts that are ``ready``, ``pending`` (need approval) and
        ``blocked``."""
    @property
    def unmet_limits(self) -> dict[str, list[str]]:
        """Clients for whom nothing is planned, with the limits that cannot be kept together."""
    def client_tables(self, first: int, count: int) -> tuple[dict[str, Table], str]: ...
    def summary(self, totals: Sequence[str]) -> str: ...
    def tables(self) -> dict[str, Table]:
        """Its tables, by name: those that ``mcoe plan`` writes."""
    def explain(self, post_id: str) -> dict[str, Any]:
        """As :func:`mcoe.explain`."""
    def why_not(self, client_id: str, channel: str, at: str) -> dict[str, Any]:
        """As :func:`mcoe.why_not`."""
    def _repr_html_(self) -> str: ...

@final
class Simulation:
    """The result of a simulation."""

    @property
    def headline(self) -> dict[str, dict[str, Any]]:
        """The headline figures by name, each with ``mean``, ``interval`` (95 % interval of the mean: its Monte Carlo
        error), and the quantiles ``p5``, ``p50`` and ``p95`` over replications."""
    @property
    def provenance(self) -> dict[str, Any]:
        """What the simulation was made from: scenario, rules, weeks, replications, seed."""
    def tables(self) -> dict[str, Table]:
        """Its tables, by name: those that ``mcoe simulate`` writes."""
    def _repr_html_(self) -> str: ...

@final
class Comparison:
    """The result of a comparison."""

    @property
    def versus(self) -> list[dict[str, Any]]:
        """Each variant against the base: ``label``, and in ``headline`` the difference of each figure with its 95 %
        interval."""
    @property
    def variants(self) -> list[dict[str, Any]]:
        """What each variant was made from, and its headline figures; the base first."""
    def tables(self) -> dict[str, Table]:
        """Its tables, by name: those that ``mcoe compare`` writes."""
    def _repr_html_(self) -> str: ...

@final
class Calibration:
    """The result of a calibration."""

    def tables(self) -> dict[str, Table]:
        """Its tables, by name: ``parameters`` and ``response`` as ``mcoe calibrate`` writes them, and ``world``, a
        table for :func:`mcoe.scenario`."""

@final
class Manifest:
    """``scenario.toml``."""

    def __init__(self, text: str) -> None: ...
    @property
    def start(self) -> str: ...
    @property
    def weeks(self) -> int: ...
    @property
    def files(self) -> dict[str, str]: ...
    def hasher(self) -> ScenarioHasher: ...

@final
class ScenarioHasher:
    """Computes the hash of a scenario."""

    def begin_table(self, table: str, file: str, content_bytes: int) -> None: ...
    def update(self, bytes: bytes) -> None: ...
    def finish(self) -> str: ...

def content_hash(bytes: bytes) -> str: ...
def read_csv_table(table: str, file: str, bytes: bytes) -> Table: ...
def check_names_of_parts(rules: Rules, parts: Sequence[str]) -> None: ...
def plan_part(rules: Rules, scenario: Scenario, week: str | None = None, threads: int | None = None) -> Plan: ...
def joined_plan(summaries: Sequence[str], scenario_path: str) -> tuple[str, dict[str, Table]]: ...
def simulate_part(
    rules: Rules, scenario: Scenario, weeks: int, seed: int, tier: str, first: int, last: int, threads: int | None
) -> tuple[bytes, list[bytes]]: ...
def joined_simulation(
    rules: Rules,
    scenario: Scenario,
    weeks: int,
    replications: int,
    seed: int,
    tier: str,
    clients: Sequence[bytes],
    parts: Iterator[Sequence[bytes]],
) -> Simulation: ...
def check(rules: Rules, scenario: Scenario | None = None) -> list[Any]: ...
def plan(rules: Rules, scenario: Scenario, week: str | None = None, threads: int | None = None) -> Plan: ...
def simulate(
    rules: Rules,
    scenario: Scenario,
    weeks: int | None = None,
    replications: int = 20,
    seed: int = 1,
    tier: str = "exact",
    threads: int | None = None,
) -> Simulation: ...
def compare(
    packs: Sequence[tuple[str, Rules]],
    scenario: Scenario,
    weeks: int | None = None,
    replications: int = 20,
    seed: int = 1,
    tier: str = "exact",
    until: float | None = None,
    threads: int | None = None,
) -> Comparison: ...
def compare_scenarios(
    rules: Rules,
    scenarios: Sequence[tuple[str, Scenario]],
    weeks: int | None = None,
    replications: int = 20,
    seed: int = 1,
    tier: str = "exact",
    until: float | None = None,
    threads: int | None = None,
) -> Comparison: ...
def calibrate(scenario: Scenario, threads: int | None = None) -> Calibration: ...
