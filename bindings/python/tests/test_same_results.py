"""Results are those of the command line, to the bit, on any number of threads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from conftest import RULES, SCENARIOS, command_line

import mcoe


def assert_same_tables(folder: Path, tables: Mapping[str, mcoe.Table], also_in_python: frozenset[str]) -> None:
    """The tables in a folder have the columns and values of those given."""
    files = {path.stem: path for path in folder.glob("*.parquet")}
    assert files.keys() | also_in_python == tables.keys()
    for name, path in files.items():
        expected, actual = pyarrow.parquet.read_table(path), pyarrow.table(tables[name])
        assert actual.column_names == expected.column_names, name
        for column in expected.column_names:
            # Python compares floating-point numbers exactly.
            assert actual[column].to_pylist() == expected[column].to_pylist(), f"{name}.{column}"


@pytest.mark.parametrize(("scenario", "threads"), [("small", 1), ("agency", 1), ("agency", 2), ("agency", 8)])
def test_a_plan_is_that_of_the_command_line(scenario: str, threads: int, tmp_path: Path) -> None:
    plan = mcoe.plan(RULES, SCENARIOS / scenario, threads=threads)
    command_line(f"plan scenarios/{scenario} --out {{out}}", tmp_path)
    written = json.loads((tmp_path / "out/plan.json").read_text())
    assert plan.plan_id == written["plan_id"]
    assert (plan.rules_hash, plan.scenario_hash) == (written["rules_hash"], written["scenario_hash"])
    assert (plan.objective, plan.upper_bound) == (written["objective"], written["upper_bound"])
    assert_same_tables(tmp_path / "out", plan.tables(), frozenset())


def test_a_simulation_is_that_of_the_command_line(tmp_path: Path) -> None:
    run = mcoe.simulate(RULES, SCENARIOS / "agency", weeks=2, replications=3, seed=7)
    command_line("simulate scenarios/agency --weeks 2 --replications 3 --seed 7 --out {out}", tmp_path)
    assert_same_tables(tmp_path / "out/tables", run.tables(), frozenset())


def test_a_comparison_is_that_of_the_command_line(tmp_path: Path) -> None:
    other = mcoe.read_rules(RULES).files
    other["channels.toml"] = other["channels.toml"].replace("weekly_posts = 7", "weekly_posts = 9", 1)
    for name, text in other.items():
        path = tmp_path / "busier" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    label = str(tmp_path / "busier")
    compared = mcoe.compare(RULES, SCENARIOS / "small", {label: other}, weeks=2, replications=3)
    command_line(f"compare scenarios/small --against {label} --weeks 2 --replications 3 --out {{out}}", tmp_path)
    assert_same_tables(tmp_path / "out/tables", compared.tables(), frozenset())


def test_a_calibration_is_that_of_the_command_line(tmp_path: Path) -> None:
    calibration = mcoe.calibrate(RULES, SCENARIOS / "agency")
    command_line("calibrate scenarios/agency --out {out}", tmp_path)
    assert_same_tables(tmp_path / "out/tables", calibration.tables(), frozenset({"world"}))


def test_a_scenario_of_tables_gives_the_plan_of_the_folder(rules: mcoe.Rules, small: mcoe.Scenario) -> None:
    from conftest import read_tables

    tables = read_tables(SCENARIOS / "small")
    capacity = {"capacity": {"reviewers": 1, "reviews_per_reviewer_per_day": 20}}
    scenario = mcoe.scenario(tables, rules, start="2026-10-19", weeks=2, settings=capacity)
    posts = [mcoe.plan(rules, each).tables()["posts"] for each in (scenario, small)]
    columns = ["client_id", "channel", "scheduled_for", "asset_id", "status", "expected_engagement"]
    first, second = (pyarrow.table(table).select(columns).to_pylist() for table in posts)
    assert first == second
