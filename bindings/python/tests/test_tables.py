"""Tables of other libraries go in, and results go out to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pandas
import polars
import pyarrow
import pytest

import mcoe

Tables = dict[str, pyarrow.Table]
START = "2026-10-19"


def instant(text: str) -> datetime:
    """An instant of a table. Python 3.10 does not read the letter for UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def posts(rules: mcoe.Rules, tables: Any) -> list[dict[str, Any]]:
    """The posts of the plan of a scenario of tables, but for ids, which depend on the form of the tables."""
    planned = mcoe.plan(rules, mcoe.scenario(tables, rules, start=START)).tables()["posts"]
    return [{key: value for key, value in row.items() if key != "post_id"} for row in planned.rows()]


@pytest.fixture(scope="module")
def expected(rules: mcoe.Rules) -> list[dict[str, Any]]:
    """The posts of the plan of the unchanged tables."""
    from conftest import SCENARIOS, read_tables

    return posts(rules, read_tables(SCENARIOS / "small"))


def test_results_are_tables_of_every_library(rules: mcoe.Rules, small: mcoe.Scenario) -> None:
    table = mcoe.plan(rules, small).tables()["posts"]
    arrow = pyarrow.table(table)
    assert arrow.num_rows == len(table) > 0
    assert polars.DataFrame(table).rows(named=True) == table.rows()
    # Before version 3, pandas takes tables by way of pyarrow.
    from_arrow = getattr(pandas.DataFrame, "from_arrow", lambda table: pyarrow.table(table).to_pandas())
    assert from_arrow(table)["post_id"].tolist() == arrow["post_id"].to_pylist()
    assert duckdb.from_arrow(arrow).count("*").fetchall() == [(len(table),)]
    assert arrow.schema.field("fatigue").metadata[b"description"].startswith(b"Fatigue of the channel")
    assert table.descriptions["channel"] == "The channel."
    assert table.rows(2) == table.rows()[:2]


def test_polars_and_pandas_tables_are_read(
    rules: mcoe.Rules, small_tables: Tables, expected: list[dict[str, Any]]
) -> None:
    assert posts(rules, {name: polars.from_arrow(table) for name, table in small_tables.items()}) == expected
    assert posts(rules, {name: table.to_pandas() for name, table in small_tables.items()}) == expected


def encoded(table: pyarrow.Table, kind: pyarrow.DataType) -> pyarrow.Table:
    """The table with every column of text as another type of text."""
    return table.cast(pyarrow.schema([pyarrow.field(name, kind) for name in table.column_names]))


@pytest.mark.parametrize(
    "change",
    [
        lambda table: encoded(table, pyarrow.large_string()),
        lambda table: encoded(table, pyarrow.string_view()),
        lambda table: pyarrow.table({name: table[name].dictionary_encode() for name in table.column_names}),
        lambda table: pyarrow.concat_tables([table.slice(start, 1) for start in range(table.num_rows)]),
    ],
    ids=["large", "view", "dictionary", "chunks"],
)
def test_every_form_of_text_is_read(
    change: Callable[[pyarrow.Table], pyarrow.Table],
    rules: mcoe.Rules,
    small_tables: Tables,
    expected: list[dict[str, Any]],
) -> None:
    assert posts(rules, {name: change(table) for name, table in small_tables.items()}) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "+05:30"])
def test_times_of_every_unit_and_zone_are_read(
    unit: str, zone: str, rules: mcoe.Rules, small_tables: Tables, expected: list[dict[str, Any]]
) -> None:
    history = small_tables["history"]
    index = history.column_names.index("published_at")
    instants = [instant(text) for text in history["published_at"].to_pylist()]
    column = pyarrow.array(instants, pyarrow.timestamp(unit, zone))
    small_tables["history"] = history.set_column(index, "published_at", column)
    assert posts(rules, small_tables) == expected


def test_numbers_flags_lists_and_dates_are_read_as_such(
    rules: mcoe.Rules, small_tables: Tables, expected: list[dict[str, Any]]
) -> None:
    def typed(table: str, name: str, kind: pyarrow.DataType, parse: Callable[[str], Any]) -> None:
        column = small_tables[table][name]
        values = [parse(cell) if cell else None for cell in column.to_pylist()]
        index = small_tables[table].column_names.index(name)
        small_tables[table] = small_tables[table].set_column(index, name, pyarrow.array(values, kind))

    typed("channels", "audience", pyarrow.int32(), int)
    typed("channels", "posts_last_7_days", pyarrow.float64(), float)
    typed("channels", "fatigue_score", pyarrow.float64(), float)
    typed("policies", "agent_enabled", pyarrow.bool_(), lambda text: text == "true")
    typed("assets", "channels", pyarrow.list_(pyarrow.string()), lambda text: text.split(";"))
    typed("campaigns", "starts_on", pyarrow.date32(), lambda text: datetime.fromisoformat(text).date())
    assert posts(rules, small_tables) == expected


def error_of(rules: mcoe.Rules, tables: Any, **arguments: Any) -> mcoe.ScenarioError:
    """The exception that a scenario of tables raises."""
    with pytest.raises(mcoe.ScenarioError) as raised:
        mcoe.scenario(tables, rules, **{"start": START, **arguments})
    return raised.value


def test_times_without_a_zone_are_refused(rules: mcoe.Rules, small_tables: Tables) -> None:
    history = small_tables["history"]
    index = history.column_names.index("published_at")
    times = [datetime(2026, 10, 1) + timedelta(hours=row) for row in range(history.num_rows)]
    small_tables["history"] = history.set_column(index, "published_at", pyarrow.array(times, pyarrow.timestamp("us")))
    [mistake] = error_of(rules, small_tables).diagnostics
    assert (mistake.file, mistake.column) == ("history", "published_at")
    assert "no time zone" in mistake.cause
    assert "UTC" in mistake.remedy


def test_mistakes_are_found_all_at_once_with_row_and_column(rules: mcoe.Rules, small_tables: Tables) -> None:
    channels = small_tables["channels"].to_pandas()
    channels.loc[0, "audience"] = "-5"
    channels.loc[1, "channel"] = "twitter"
    small_tables["channels"] = pyarrow.Table.from_pandas(channels)
    small_tables["clients"] = small_tables["clients"].rename_columns(
        ["identifier" if name == "client_id" else name for name in small_tables["clients"].column_names]
    )
    mistakes = error_of(rules, small_tables).diagnostics
    places = {(mistake.file, mistake.row, mistake.column) for mistake in mistakes}
    assert {("channels", 1, "audience"), ("channels", 2, "channel"), ("clients", None, "client_id")} <= places
    assert all(mistake.cause and mistake.remedy and str(mistake) == mistake.text for mistake in mistakes)


def test_blank_required_cells_and_wrong_types_are_refused(rules: mcoe.Rules, small_tables: Tables) -> None:
    rows = small_tables["clients"].num_rows
    index = small_tables["clients"].column_names.index("workspace_id")
    blank = small_tables["clients"].set_column(index, "workspace_id", pyarrow.nulls(rows, pyarrow.string()))
    codes = {mistake.code for mistake in error_of(rules, {**small_tables, "clients": blank}).diagnostics}
    assert "blank" in codes
    structs = pyarrow.array([{"x": 1}] * rows)
    wrong = small_tables["clients"].set_column(index, "workspace_id", structs)
    [mistake] = error_of(rules, {**small_tables, "clients": wrong}).diagnostics
    assert mistake.code == "unreadable_type"


def test_numbers_for_an_unknown_limit_are_refused(rules: mcoe.Rules, small_tables: Tables) -> None:
    limits = pyarrow.table({"limit": ["moon"], "client_id": ["kettle-lane"], "at_most": [1.0]})
    [mistake] = error_of(rules, {**small_tables, "limits": limits}).diagnostics
    assert (mistake.code, mistake.row, mistake.column) == ("unknown_limit", 1, "limit")


def test_no_rows_no_tables_and_unknown_tables_are_told(rules: mcoe.Rules, small_tables: Tables) -> None:
    empty = {name: table.slice(0, 0) for name, table in small_tables.items()}
    plan = mcoe.plan(rules, mcoe.scenario(empty, rules, start=START))
    assert plan.counts["clients"] == 0
    assert len(plan.tables()["posts"]) == 0
    assert "clients" in str(error_of(rules, {}))
    assert "client" in str(error_of(rules, {**small_tables, "klients": small_tables["clients"]}))
    assert error_of(rules, small_tables, start="2026-10-20").diagnostics[0].code == "not_a_monday"
    assert "time zone" in str(error_of(rules, small_tables, default_zone="Mars/Olympus"))


def test_a_time_is_an_instant_in_utc(rules: mcoe.Rules, small: mcoe.Scenario) -> None:
    first = mcoe.plan(rules, small).tables()["posts"].rows(1)[0]
    assert instant(first["scheduled_for"]) == datetime.fromisoformat(first["local_time"])


def test_damaged_data_of_other_libraries_is_refused(rules: mcoe.Rules, small_tables: Tables) -> None:
    rows = small_tables["clients"].num_rows
    latin = pyarrow.array([b"M\xfcller"] * rows, pyarrow.binary()).cast(pyarrow.string(), safe=False)
    clients = small_tables["clients"]
    clients = clients.set_column(clients.column_names.index("name"), "name", latin)
    [mistake] = error_of(rules, {**small_tables, "clients": clients}).diagnostics
    assert (mistake.code, mistake.file, mistake.column) == ("unreadable_type", "clients", "name")
    beyond = pyarrow.DictionaryArray.from_arrays(pyarrow.array([7] * rows), pyarrow.array(["w"]), safe=False)
    clients = clients.set_column(clients.column_names.index("name"), "name", beyond)
    assert "damaged" in str(error_of(rules, {**small_tables, "clients": clients}))


def test_times_far_away_are_out_of_range_and_not_blank(rules: mcoe.Rules, small_tables: Tables) -> None:
    channels = small_tables["channels"]
    far = pyarrow.array([10_500_000_000] * channels.num_rows, pyarrow.timestamp("s", "UTC"))
    changed = channels.set_column(channels.column_names.index("last_post_at"), "last_post_at", far)
    mistakes = error_of(rules, {**small_tables, "channels": changed}).diagnostics
    assert {mistake.column for mistake in mistakes} == {"last_post_at"}


def test_lists_are_read_only_where_lists_belong(rules: mcoe.Rules, small_tables: Tables) -> None:
    assets, clients = small_tables["assets"], small_tables["clients"]
    for values in (["fb;ig"], ["fb", None]):
        lists = pyarrow.array([values] * assets.num_rows, pyarrow.list_(pyarrow.string()))
        changed = assets.set_column(assets.column_names.index("channels"), "channels", lists)
        [mistake] = error_of(rules, {**small_tables, "assets": changed}).diagnostics
        assert (mistake.file, mistake.column) == ("assets", "channels")
    lists = pyarrow.array([["a"]] * clients.num_rows)
    changed = clients.set_column(clients.column_names.index("name"), "name", lists)
    assert "not supported" in str(error_of(rules, {**small_tables, "clients": changed}))


@pytest.mark.parametrize("given", [None, "clients.csv", {"client_id": ["a"]}, [1], polars.LazyFrame({"a": [1]})])
def test_what_is_no_table_is_named_with_a_remedy(given: Any, rules: mcoe.Rules, small_tables: Tables) -> None:
    error = error_of(rules, {**small_tables, "clients": given})
    assert "`clients`" in str(error)
    assert "pyarrow" in str(error)


@pytest.mark.parametrize("section", ["name", "files", "capacity]\nreviewers = 3\n[review", "limits"])
def test_settings_have_the_sections_of_a_scenario_only(
    section: str, rules: mcoe.Rules, small_tables: Tables
) -> None:
    assert "capacity, review, environment" in str(error_of(rules, small_tables, settings={section: {"x": 1}}))


def test_a_mistake_in_the_settings_names_the_key(rules: mcoe.Rules, small_tables: Tables) -> None:
    [mistake] = error_of(rules, small_tables, settings={"capacity": {"reviewer": 3}}).diagnostics
    assert (mistake.code, mistake.file) == ("unknown_key", "settings")
    injected = {"capacity": {"reviewers = 3\nreviews_per_reviewer_per_day": 5}}
    assert error_of(rules, small_tables, settings=injected).diagnostics[0].code == "unknown_key"
    assert mcoe.scenario(small_tables, rules, start=START, name="Café 🎉 \"north\"\n").name == "Café 🎉 \"north\"\n"
