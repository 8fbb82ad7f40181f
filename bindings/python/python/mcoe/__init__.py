"""Rules-driven planning and simulation of multi-channel posting campaigns.

A rules pack says how often, when and under which limits a client's channels post; a scenario holds the clients with
their state. The engine plans every client's week optimally under the rules, and simulates many weeks.

>>> import mcoe
>>> plan = mcoe.plan(RULES, SCENARIO)
>>> plan.week
'2026-W43'
>>> posts = plan.tables()["posts"]
>>> posts.column_names[:3]
['post_id', 'client_id', 'workspace_id']

Rules are given as a :class:`Rules`, as the path of a folder or as the texts of its files; a scenario as a
:class:`Scenario` or as the path of a folder. Tables go in and out by the Arrow PyCapsule interface, which pyarrow,
polars, pandas and DuckDB know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from mcoe import _mcoe
from mcoe._mcoe import Calibration, Comparison, Plan, Rules, Scenario, Simulation, Table, __version__
from mcoe.errors import Diagnostic, McoeError, RulesError, RunError, ScenarioError

if TYPE_CHECKING:
    from mcoe._mcoe import ArrowStream

__all__ = [
    "Calibration",
    "Comparison",
    "Diagnostic",
    "McoeError",
    "Plan",
    "Rules",
    "RulesError",
    "RunError",
    "Scenario",
    "ScenarioError",
    "Simulation",
    "Table",
    "__version__",
    "calibrate",
    "check",
    "compare",
    "compare_scenarios",
    "explain",
    "plan",
    "read_rules",
    "read_scenario",
    "scenario",
    "simulate",
    "why_not",
]

RulesSource: TypeAlias = "Rules | str | PathLike[str] | Mapping[str, str]"
"""A rules pack: a :class:`Rules`, the path of its folder, or the texts of its files by name."""

ScenarioSource: TypeAlias = "Scenario | str | PathLike[str]"
"""A scenario, or the path of its folder."""


SECTIONS = ("capacity", "review", "environment")
"""The sections of ``scenario.toml`` that ``settings`` can hold."""

BASE = "base"
"""The label of what the others are compared with."""

_Other = TypeVar("_Other")


def read_rules(rules: RulesSource) -> Rules:
    """Reads and validates a rules pack. To use a pack several times, read it once in this way.

    :raises RulesError: with every mistake, its place and its remedy.

    >>> mcoe.read_rules(RULES).hash == mcoe.read_rules(mcoe.read_rules(RULES).files).hash
    True
    """
    if isinstance(rules, Rules):
        return rules
    return Rules(rules) if isinstance(rules, Mapping) else Rules.from_folder(rules)


def read_scenario(scenario: ScenarioSource, rules: RulesSource) -> Scenario:
    """Reads and validates the scenario in a folder: ``scenario.toml`` and its tables, as CSV or Parquet.

    Clients without a row in the table ``policies`` get the default policy of the rules.

    :raises ScenarioError: with every mistake, its place and its remedy.

    >>> mcoe.read_scenario(SCENARIO, RULES).client_ids
    ['kettle-lane', 'orbit-repair']
    """
    return scenario if isinstance(scenario, Scenario) else Scenario.from_folder(scenario, read_rules(rules))


def scenario(
    tables: Mapping[str, ArrowStream],
    rules: RulesSource,
    *,
    start: str | date,
    name: str = "scenario",
    weeks: int = 12,
    default_zone: str = "UTC",
    settings: Mapping[str, Mapping[str, float]] | None = None,
) -> Scenario:
    """A scenario made from tables in memory.

    :param tables: tables by name. ``clients`` and ``channels`` are required; ``docs/tables.md`` lists all with their
        columns. Times need a zone; lists are lists of texts, or texts separated by ``;``.
    :param start: the Monday of the first week, a date or a text such as ``2026-09-07``.
    :param weeks: default number of weeks of a simulation.
    :param default_zone: time zone of clients that have none, an IANA name.
    :param settings: values of the sections ``capacity``, ``review`` and ``environment`` of ``scenario.toml``; the
        manifests of the shipped scenarios explain each key.
    :raises ScenarioError: with every mistake, its place and its remedy.

    >>> clients = {"client_id": ["bakery"], "name": ["Bakery"], "workspace_id": ["north"], "status": ["active"]}
    >>> channels = {"client_id": ["bakery"], "channel": ["ig"], "audience": [2400]}
    >>> tables = {"clients": pyarrow.table(clients), "channels": pyarrow.table(channels)}
    >>> mcoe.scenario(tables, RULES, start="2026-09-07", settings={"capacity": {"reviewers": 3}})
    <mcoe.Scenario scenario: 1 clients from 2026-W37>
    """
    for table, given in tables.items():
        if not hasattr(given, "__arrow_c_stream__"):
            remedy = "give a table of pyarrow, polars (a LazyFrame after `.collect()`), pandas 2.2 or later, or DuckDB"
            raise ScenarioError(f"the table `{table}` is a {type(given).__name__}, not a table in memory", remedy)
    sections = dict(settings or {})
    for section in sections:
        if section not in SECTIONS:
            raise ScenarioError(f"`settings` has no section `{section}`", f"use {', '.join(SECTIONS)}")
    values = {"name": name, "format": 1, "start": str(start), "weeks": weeks, "default_zone": str(default_zone)}
    values.update({section: dict(keys) for section, keys in sections.items()})
    return Scenario.from_tables(json.dumps(values, default=_plain), dict(tables), read_rules(rules))


def _plain(value: Any) -> Any:
    """A number of another library, such as numpy's, as one of Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise ScenarioError(f"a value of the settings is a {type(value).__name__}", "give a number")


def _whole(name: str, value: int, least: int, most: int) -> None:
    """Fails unless the number is whole and in its range."""
    if isinstance(value, int) and least <= value <= most:
        return
    raise RunError(f"`{name}` is {value!r}, which is out of range", f"use a whole number from {least} to {most}")


def check(rules: RulesSource, scenario: ScenarioSource | None = None) -> list[Diagnostic]:
    """Validates a rules pack, and the scenario if one is given, and returns warnings.

    :raises RulesError: if the pack is invalid, or names something that the scenario does not have.
    :raises ScenarioError: if the scenario is invalid.

    >>> mcoe.check(RULES, SCENARIO)
    []
    """
    pack = read_rules(rules)
    return _mcoe.check(pack, None if scenario is None else read_scenario(scenario, pack))


def plan(
    rules: RulesSource, scenario: ScenarioSource, week: str | None = None, *, threads: int | None = None
) -> Plan:
    """Plans a week for every client of a scenario: the same plan as that of ``mcoe plan``, with the same ids.

    A checker that shares no code with the planner verifies the plan before it is returned. Ctrl-C stops planning.

    :param week: an ISO week such as ``2026-W37``; default: the first week of the scenario.
    :param threads: number of threads; default: one for each core. The plan does not depend on it.
    :raises McoeError: if an input is invalid, or a rule fails.

    >>> mcoe.plan(RULES, SCENARIO, "2026-W44").counts["clients"]
    2
    """
    pack = read_rules(rules)
    return _mcoe.plan(pack, read_scenario(scenario, pack), week, threads)


def explain(plan: Plan, post_id: str) -> dict[str, Any]:
    """Why a post is planned, why at its time and why with its asset: each factor with its value, interval and source.

    >>> plan = mcoe.plan(RULES, SCENARIO)
    >>> post = plan.tables()["posts"].rows(1)[0]
    >>> mcoe.explain(plan, post["post_id"])["channel"] == post["channel"]
    True
    """
    return plan.explain(post_id)


def why_not(plan: Plan, client_id: str, channel: str, at: str) -> dict[str, Any]:
    """Why a channel has no post at an hour, and what keeps it from having one.

    :param at: the hour in the client's time zone, such as ``2026-10-19T03:00``.

    >>> answer = mcoe.why_not(mcoe.plan(RULES, SCENARIO), "kettle-lane", "fb", "2026-10-19T03:00")
    >>> answer["forbidden"]["because"]
    "it lies in the channel's quiet hours"
    """
    return plan.why_not(client_id, channel, at)


def simulate(
    rules: RulesSource,
    scenario: ScenarioSource,
    *,
    weeks: int | None = None,
    replications: int = 20,
    seed: int = 1,
    tier: str = "exact",
    threads: int | None = None,
) -> Simulation:
    """Simulates weeks of planning, review and response by an audience that does not follow the planner's assumptions.

    The figures are those of ``mcoe simulate`` with the same arguments. Ctrl-C stops the simulation.

    :param weeks: number of weeks, 1 to 520; default: the scenario's.
    :param replications: how often the weeks are simulated, each time with other random numbers, 1 to 100000.
    :param seed: seed of all random numbers.
    :param tier: ``exact``, with which each channel's week is proven optimal, or ``fast``, a heuristic for very large
        runs.
    :param threads: number of threads; default: one for each core. The figures do not depend on it.

    >>> run = mcoe.simulate(RULES, SCENARIO, weeks=1, replications=2)
    >>> sorted(run.headline["engagement"])
    ['interval', 'mean', 'p5', 'p50', 'p95']
    """
    pack = read_rules(rules)
    _check_extent(weeks, replications, seed)
    return _mcoe.simulate(pack, read_scenario(scenario, pack), weeks, replications, seed, tier, threads)


def _check_extent(weeks: int | None, replications: int, seed: int) -> None:
    if weeks is not None:
        _whole("weeks", weeks, 1, 520)
    _whole("replications", replications, 1, 100_000)
    _whole("seed", seed, 0, 2**64 - 1)


def _others(against: Mapping[str, _Other]) -> Iterable[tuple[str, _Other]]:
    if not isinstance(against, Mapping) or not against:
        raise RunError("there is nothing to compare with", "give at least one other in `against`")
    if BASE in against:
        raise RunError(f"`{BASE}` is the label of the first", "use another label in `against`")
    return against.items()


def compare(
    rules: RulesSource,
    scenario: ScenarioSource,
    against: Mapping[str, RulesSource],
    *,
    weeks: int | None = None,
    replications: int = 20,
    seed: int = 1,
    tier: str = "exact",
    until: float | None = None,
    threads: int | None = None,
) -> Comparison:
    """Simulates the same weeks under several rules packs with common random numbers, and compares them with the first.

    :param against: the packs that are compared with ``rules``, by label.
    :param until: stop early, once the half-width of the 95 % interval of each difference in net worth is at most this
        share of the base's net worth, such as 0.005; ``replications`` is then the maximum.

    >>> busier = dict(mcoe.read_rules(RULES).files)
    >>> busier["channels.toml"] = busier["channels.toml"].replace("weekly_posts = 7", "weekly_posts = 8", 1)
    >>> compared = mcoe.compare(RULES, SCENARIO, {"busier": busier}, weeks=1, replications=2)
    >>> [versus["label"] for versus in compared.versus]
    ['busier']
    """
    pack = read_rules(rules)
    packs = [(BASE, pack), *((label, read_rules(other)) for label, other in _others(against))]
    _check_extent(weeks, replications, seed)
    return _mcoe.compare(packs, read_scenario(scenario, pack), weeks, replications, seed, tier, until, threads)


def compare_scenarios(
    rules: RulesSource,
    scenario: ScenarioSource,
    against: Mapping[str, ScenarioSource],
    *,
    weeks: int | None = None,
    replications: int = 20,
    seed: int = 1,
    tier: str = "exact",
    until: float | None = None,
    threads: int | None = None,
) -> Comparison:
    """Simulates several scenarios under one pack with common random numbers, and compares them with the first.

    :param against: the scenarios that are compared with ``scenario``, by label. They must start in the same week.

    >>> compared = mcoe.compare_scenarios(RULES, SCENARIO, {"same": SCENARIO}, weeks=1, replications=2)
    >>> compared.versus[0]["label"]
    'same'
    """
    pack = read_rules(rules)
    scenarios = [(BASE, read_scenario(scenario, pack))]
    scenarios.extend((label, read_scenario(other, pack)) for label, other in _others(against))
    _check_extent(weeks, replications, seed)
    return _mcoe.compare_scenarios(pack, scenarios, weeks, replications, seed, tier, until, threads)


def calibrate(rules: RulesSource, scenario: ScenarioSource, *, threads: int | None = None) -> Calibration:
    """Estimates how a scenario's audiences respond, from the past posts in its table ``history``: levels, effects of
    hours, weekdays and content types, and the response to recent posts, each with its 90 % interval.

    :raises ScenarioError: if the scenario has no past posts.

    >>> calibration = mcoe.calibrate(RULES, SCENARIO)
    >>> sorted(calibration.tables())
    ['parameters', 'response', 'world']
    """
    return _mcoe.calibrate(read_scenario(scenario, rules), threads)
