"""Work runs without the interpreter's lock, stops on Ctrl-C and survives a fork; mistakes are exceptions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import RULES, SCENARIOS, read_tables

import mcoe


def test_a_forked_process_uses_threads_of_its_own(rules: mcoe.Rules, small: mcoe.Scenario) -> None:
    before = mcoe.plan(rules, small, threads=2).plan_id
    child = os.fork()
    if child == 0:
        # A process that waits for threads which it does not have would wait forever.
        signal.alarm(60)
        os._exit(0 if mcoe.plan(rules, small, threads=2).plan_id == before else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert mcoe.plan(rules, small, threads=2).plan_id == before


@pytest.mark.parametrize(
    "call",
    [
        "simulate(rules, agency, weeks=520, replications=1000)",
        "compare(rules, agency, {'same': rules}, weeks=520, replications=1000)",
    ],
)
def test_ctrl_c_stops_the_work(call: str, tmp_path: Path) -> None:
    program = f"""
import mcoe
rules = mcoe.read_rules({str(RULES)!r})
agency = mcoe.read_scenario({str(SCENARIOS / "agency")!r}, rules)
try:
    print("ready", flush=True)
    mcoe.{call}
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        assert running.stdout.read() == "stopped\n"
    assert running.returncode == 0


def test_other_python_threads_go_on(rules: mcoe.Rules, agency: mcoe.Scenario) -> None:
    counted = 0
    done = threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.wait(0.001):
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    mcoe.simulate(rules, agency, weeks=2, replications=2)
    done.set()
    thread.join()
    assert counted > 0


def test_every_mistake_of_a_pack_has_a_place_and_a_remedy() -> None:
    files = mcoe.read_rules(RULES).files
    files["fatigue.toml"] = files["fatigue.toml"].replace("\nresponse =", "\nrespons =", 1)
    files["channels.toml"] = files["channels.toml"].replace("weekly_posts = 7", "weekly_posts = -7", 1)
    with pytest.raises(mcoe.RulesError) as raised:
        mcoe.read_rules(files)
    places = {(mistake.file, mistake.code) for mistake in raised.value.diagnostics}
    assert {("fatigue.toml", "unknown_key"), ("channels.toml", "out_of_range")} <= places
    assert all(mistake.line and mistake.remedy for mistake in raised.value.diagnostics if mistake.code == "unknown_key")


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"week": "2026-99"}, "`2026-99` is not a week"),
        ({"threads": 0}, "`threads` is out of range"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], cause: str, small: mcoe.Scenario) -> None:
    with pytest.raises(mcoe.RunError, match=cause):
        mcoe.plan(RULES, small, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [{"weeks": 0}, {"weeks": 2**40}, {"replications": -1}, {"seed": -1}, {"tier": "best"}, {"until": 0.0}, {"until": 7}],
)
def test_numbers_out_of_range_are_refused(arguments: dict[str, object], rules: mcoe.Rules, small: mcoe.Scenario) -> None:
    with pytest.raises(mcoe.RunError, match="out of range|is not a tier"):
        mcoe.compare(rules, small, {"other": rules}, **arguments)  # type: ignore[arg-type]


def test_a_comparison_needs_another_with_a_label_of_its_own(rules: mcoe.Rules, small: mcoe.Scenario) -> None:
    for against in ({}, {"base": rules}):
        with pytest.raises(mcoe.RunError, match="against"):
            mcoe.compare(rules, small, against)


def test_a_folder_with_mistyped_or_unreadable_files_is_refused(tmp_path: Path) -> None:
    for name, text in mcoe.read_rules(RULES).files.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "pack/limits.tmol").write_text("")
    (tmp_path / "pack/notes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(mcoe.RulesError) as raised:
        mcoe.read_rules(tmp_path / "pack")
    found = {(mistake.file, mistake.code) for mistake in raised.value.diagnostics}
    assert found == {("limits.tmol", "misnamed_file"), ("notes.toml", "not_utf8")}


def test_damaged_parquet_files_are_refused(rules: mcoe.Rules, tmp_path: Path) -> None:
    from pyarrow import parquet

    folder = tmp_path / "scenario"
    folder.mkdir()
    for path in (SCENARIOS / "small").iterdir():
        text = path.read_text(encoding="utf-8").replace("clients.csv", "clients.parquet")
        (folder / path.name).write_text(text, encoding="utf-8")
    tables = read_tables(SCENARIOS / "small")
    parquet.write_table(tables["clients"], folder / "clients.parquet")
    assert mcoe.read_scenario(folder, rules).client_ids == ["kettle-lane", "orbit-repair"]
    whole = (folder / "clients.parquet").read_bytes()
    for place in range(4, len(whole), 97):
        (folder / "clients.parquet").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            mcoe.read_scenario(folder, rules)
        except mcoe.ScenarioError as error:
            assert all(mistake.cause and mistake.remedy for mistake in error.diagnostics)


def test_missing_folders_are_named(tmp_path: Path, rules: mcoe.Rules) -> None:
    with pytest.raises(mcoe.RulesError, match="missing"):
        mcoe.read_rules(tmp_path / "missing")
    with pytest.raises(mcoe.ScenarioError, match="missing"):
        mcoe.read_scenario(tmp_path / "missing", rules)


def test_results_look_well_in_notebooks(rules: mcoe.Rules, small: mcoe.Scenario) -> None:
    plan = mcoe.plan(rules, small)
    run = mcoe.simulate(rules, small, weeks=1, replications=2)
    compared = mcoe.compare(rules, small, {"<same>": rules}, weeks=1, replications=2)
    pages = [plan._repr_html_(), plan.tables()["posts"]._repr_html_(), run._repr_html_(), compared._repr_html_()]
    for page in pages:
        assert page.startswith("<table>") and page.endswith("</table>")
    assert "&lt;same&gt;" in pages[3] and "<same>" not in pages[3]
    assert "2026-W43" in pages[0]
