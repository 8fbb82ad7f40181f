"""Work that is divided among shards gives the results of the command line, to the bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from conftest import RULES, SCENARIOS, command_line, read_tables

import mcoe
from mcoe import distributed

AGENCY = SCENARIOS / "agency"

RULES_OF_AN_AGENCY = '[agency_day]\nat_most = 12\nper = ["workspace", "day"]\n'
"""A limit that the clients of a workspace share."""


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table that is one file, or a file for each shard, in the order of the clients."""
    if (folder / name).is_dir():
        files = sorted((folder / name).glob("*.parquet"))
        rows = pyarrow.concat_tables([pyarrow.parquet.read_table(file, partitioning=None) for file in files])
    else:
        rows = pyarrow.parquet.read_table(folder / f"{name}.parquet")
    listed: list[dict[str, Any]] = rows.to_pylist()
    return sorted(listed, key=lambda row: row["client_id"]) if "client_id" in rows.column_names else listed


def assert_same_plan(expected: Path, actual: Path, scenario: Path) -> None:
    """Both folders have the same tables and the same `plan.json`."""
    for path in expected.glob("*.parquet"):
        assert table(actual, path.stem) == table(expected, path.stem), path.stem
    plans = [json.loads((folder / "plan.json").read_text()) for folder in (expected, actual)]
    assert [plan.pop("scenario_path") for plan in plans][1] == str(scenario)
    assert plans[0] == plans[1]
    rules = {path.name: path.read_text() for path in (expected / "rules").glob("*.*")}
    assert {path.name: path.read_text() for path in (actual / "rules").glob("*.*")} == rules


@pytest.fixture(scope="module")
def parquet_agency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agency with its tables in Parquet."""
    folder = tmp_path_factory.mktemp("agency")
    manifest = (AGENCY / "scenario.toml").read_text(encoding="utf-8").replace(".csv", ".parquet")
    (folder / "scenario.toml").write_text(manifest, encoding="utf-8")
    for name, rows in read_tables(AGENCY).items():
        pyarrow.parquet.write_table(rows, folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def sharing_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default pack with a limit that clients share."""
    folder = tmp_path_factory.mktemp("rules")
    for path in RULES.rglob("*"):
        if path.is_file() and "tests" not in path.relative_to(RULES).parts:
            target = folder / path.relative_to(RULES)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    limits = folder / "limits.toml"
    limits.write_text((limits.read_text() if limits.exists() else "") + RULES_OF_AN_AGENCY)
    return folder


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray on two cores."""
    module = pytest.importorskip("ray", reason="Ray is not installed")
    module.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield module
    module.shutdown()


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Spark on two cores."""
    pytest.importorskip("pyspark", reason="Spark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


def assert_plans_as_the_command_line(rules: Path, scenario: Path, engine: str, shards: int, folder: Path) -> None:
    command_line(f"plan {scenario} --rules {rules} --out {{out}}", folder)
    planned = distributed.plan(rules, scenario, folder / "shards", engine=engine, shards=shards)
    assert planned["counts"]["clients"] == 12
    assert_same_plan(folder / "out", folder / "shards", scenario)
    assert not (folder / "shards/_input").exists()


@pytest.mark.parametrize("shards", [1, 2, 64])
def test_a_plan_in_shards_is_that_of_the_command_line(shards: int, tmp_path: Path) -> None:
    assert_plans_as_the_command_line(RULES, AGENCY, "local", shards, tmp_path)


def test_a_plan_of_parquet_tables_with_shared_limits(sharing_rules: Path, parquet_agency: Path, tmp_path: Path) -> None:
    assert_plans_as_the_command_line(sharing_rules, parquet_agency, "local", 3, tmp_path)


@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize("shards", [1, 3])
def test_ray_plans_as_the_command_line(sharing_rules: Path, parquet_agency: Path, shards: int, tmp_path: Path) -> None:
    assert_plans_as_the_command_line(sharing_rules, parquet_agency, "ray", shards, tmp_path)


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("shards", [1, 3])
def test_spark_plans_as_the_command_line(sharing_rules: Path, parquet_agency: Path, shards: int, tmp_path: Path) -> None:
    assert_plans_as_the_command_line(sharing_rules, parquet_agency, "spark", shards, tmp_path)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated scenario, and the command line's plan of it in `out`. One workspace has a quarter of the clients."""
    folder = tmp_path_factory.mktemp("generated")
    clients = int(os.environ.get("MCOE_CLIENTS", "2000"))
    command_line(f"generate --clients {clients} --seed 3 --out {folder}/world", folder)
    path = folder / "world/clients.csv"
    rows = path.read_text(encoding="utf-8").splitlines()
    workspace = rows[0].split(",").index("workspace_id")
    for number in range(1, clients // 4):
        cells = rows[number].split(",")
        cells[workspace] = "large"
        rows[number] = ",".join(cells)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    command_line(f"plan {folder}/world --out {{out}}", folder)
    return folder


@pytest.mark.parametrize("engine", os.environ.get("MCOE_ENGINES", "ray").split(","))
@pytest.mark.parametrize("shards", [int(shards) for shards in os.environ.get("MCOE_SHARDS", "7").split(",")])
def test_many_clients(
    engine: str, shards: int, generated: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """`MCOE_CLIENTS=20000 MCOE_ENGINES=ray,spark MCOE_SHARDS=1,7,64` makes it larger."""
    request.getfixturevalue(engine)
    distributed.plan(RULES, generated / "world", tmp_path / "out", engine=engine, shards=shards)
    assert_same_plan(generated / "out", tmp_path / "out", generated / "world")


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_a_simulation_in_shards_is_that_of_the_command_line(shards: int, tmp_path: Path) -> None:
    command_line("simulate scenarios/agency --weeks 2 --replications 5 --seed 7 --out {out}", tmp_path)
    run = distributed.simulate(RULES, AGENCY, tmp_path / "shards", weeks=2, replications=5, seed=7, shards=shards)
    for path in (tmp_path / "out/tables").glob("*.parquet"):
        assert table(tmp_path / "shards/tables", path.stem) == table(tmp_path / "out/tables", path.stem), path.stem
    written = [json.loads((tmp_path / folder / "run.json").read_text())["provenance"] for folder in ("out", "shards")]
    assert written[0] == written[1] == run.provenance
    whole = mcoe.simulate(RULES, AGENCY, weeks=2, replications=5, seed=7)
    assert run.headline == whole.headline


@pytest.mark.usefixtures("ray")
def test_ray_simulates_as_one_process(tmp_path: Path) -> None:
    run = distributed.simulate(RULES, AGENCY, tmp_path / "ray", weeks=1, replications=4, shards=6, engine="ray")
    assert run.headline == mcoe.simulate(RULES, AGENCY, weeks=1, replications=4).headline


def test_a_run_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    distributed.plan(RULES, AGENCY, out, shards=3)
    expected = (out / "plan.json").read_text()
    # As if the process had died before the second shard was done.
    (out / "_parts/00001.json").unlink()
    (out / "plan.json").unlink()
    kept = (out / "posts/part-00000.parquet").stat().st_mtime_ns
    seen: list[tuple[int, int]] = []
    distributed.plan(RULES, AGENCY, out, shards=3, progress=lambda done, shards: seen.append((done, shards)))
    assert seen == [(2, 3), (3, 3)]
    assert (out / "posts/part-00000.parquet").stat().st_mtime_ns == kept
    assert (out / "plan.json").read_text() == expected


def test_texts_that_a_spreadsheet_would_run_are_those_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    world = _agency_with(tmp_path / "world", "clients.csv", lambda text: text.replace("Crumb & Co", "'=Crumb", 1))
    command_line(f"simulate {world} --weeks 1 --replications 1 --out {{out}}", tmp_path)
    distributed.simulate(RULES, world, tmp_path / "shards", weeks=1, replications=1)
    names = [row["name"] for row in table(tmp_path / "shards/tables", "clients")]
    assert names == [row["name"] for row in table(tmp_path / "out/tables", "clients")]
    assert "=Crumb" in names


def test_a_killed_process_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folders = ["--scenario", str(AGENCY), "--rules", str(RULES), "--out", str(out)]
    line = [sys.executable, "-m", "mcoe.distributed", "simulate", *folders]
    arguments = ["--weeks", "3", "--replications", "40", "--shards", "20"]
    process = subprocess.Popen([*line, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(out.glob("_parts/*.json"))) < 3:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in out.glob("_parts/*.json")}
    run = distributed.simulate(RULES, AGENCY, out, weeks=3, replications=40, shards=20)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert run.headline == mcoe.simulate(RULES, AGENCY, weeks=3, replications=40).headline


def test_the_command_line_commits_a_plan_in_shards(tmp_path: Path) -> None:
    out, now = tmp_path / "shards", "--now 2026-09-04T08:00:00Z"
    database = f"--database sqlite:{tmp_path}/ledger.db"
    distributed.plan(RULES, AGENCY, out, shards=3)
    command_line(f"db load scenarios/agency {database} {now}", tmp_path)
    changed = out / "posts/part-00001.parquet"
    content = changed.read_bytes()
    changed.write_bytes(content[:-1] + b"?")
    with pytest.raises(AssertionError, match="changed after planning"):
        command_line(f"commit {out} {database} {now}", tmp_path)
    changed.write_bytes(content)
    printed = command_line(f"commit {out} {database} {now}", tmp_path)
    assert "415 schedules" in printed


def _workers_of_ray() -> list[int]:
    """The ids of the processes that work on a shard."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::work_on"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.usefixtures("ray")
def test_a_killed_worker_of_ray_costs_its_shard_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed: list[int] = []

    def kill_one(done: int, shards: int) -> None:
        if done >= 2 and not killed and (workers := _workers_of_ray()):
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    run = distributed.simulate(
        RULES, AGENCY, out, weeks=3, replications=40, shards=20, engine="ray", progress=kill_one
    )
    assert killed, "no worker was found"
    assert run.headline == mcoe.simulate(RULES, AGENCY, weeks=3, replications=40).headline


def test_a_forked_process_plans_after_its_parent(tmp_path: Path) -> None:
    distributed.plan(RULES, SCENARIOS / "small", tmp_path / "parent")
    process = os.fork()
    if process == 0:
        distributed.plan(RULES, SCENARIOS / "small", tmp_path / "child")
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 0
    assert table(tmp_path / "child", "posts") == table(tmp_path / "parent", "posts")


def test_another_run_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    distributed.plan(RULES, SCENARIOS / "small", out)
    before = (out / "plan.json").read_bytes()
    with pytest.raises(mcoe.RunError, match="other inputs or arguments"):
        distributed.plan(RULES, SCENARIOS / "small", out, "2026-W44")
    with pytest.raises(mcoe.RunError, match="other inputs or arguments"):
        distributed.plan(RULES, AGENCY, out)
    assert (out / "plan.json").read_bytes() == before
    # The same run again changes nothing.
    distributed.plan(RULES, SCENARIOS / "small", out)
    assert (out / "plan.json").read_bytes() == before


def test_two_runs_into_one_folder_at_once_are_refused(tmp_path: Path) -> None:
    from mcoe.distributed._folder import Folder

    with Folder(str(tmp_path)).locked(), pytest.raises(mcoe.RunError, match="another run writes into"):
        distributed.plan(RULES, AGENCY, tmp_path)


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(mcoe.RunError, match=r"letter\.txt"):
        distributed.plan(RULES, AGENCY, tmp_path)


def _agency_with(folder: Path, file: str, change: Any) -> Path:
    """A copy of the agency with one file changed."""
    for path in AGENCY.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    text = (folder / file).read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    (folder / file).write_text(changed, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("channels.csv", lambda text: text + text.splitlines()[-1] + "\n"),
        ("assets.csv", lambda text: text + text.splitlines()[1] + "\n"),
        ("history.csv", lambda text: text + "nobody,fb,2026-08-31T08:00:00Z,,,,\n"),
        ("clients.csv", lambda text: text.replace("client_id", "klient_id", 1)),
        ("calendar.csv", lambda text: text.replace("client:", "client:no-", 1).replace("all", "workspace:none", 1)),
        ("scenario.toml", lambda text: text.replace("start = ", "begin = ", 1)),
    ],
)
def test_mistakes_are_those_of_the_whole_scenario(file: str, change: Any, tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    world = _agency_with(tmp_path / "world", file, change)
    with pytest.raises(mcoe.McoeError) as whole:
        mcoe.read_scenario(world, RULES)
    with pytest.raises(mcoe.McoeError) as divided:
        distributed.plan(RULES, world, tmp_path / "out", shards=3)
    assert str(divided.value) == str(whole.value)
    assert not (tmp_path / "out/plan.json").exists()


def test_names_in_the_pack_are_looked_up_in_all_shards(tmp_path: Path) -> None:
    files = dict(mcoe.read_rules(RULES).files)
    client = table_of_clients()[0]
    files["overlays/one.toml"] = f'scope = {{ client = "{client}" }}\n\n[channels.ig]\nweekly_posts = 10\n'
    distributed.plan(files, AGENCY, tmp_path / "known", shards=3)
    files["overlays/one.toml"] = files["overlays/one.toml"].replace(client, "nobody")
    with pytest.raises(mcoe.RulesError, match="nobody"):
        distributed.plan(files, AGENCY, tmp_path / "unknown", shards=3)


def table_of_clients() -> list[str]:
    """The ids of the agency's clients."""
    return [str(name) for name in read_tables(AGENCY)["clients"]["client_id"].to_pylist()]


def test_more_threads_than_cores_are_refused_where_ray_would_wait(tmp_path: Path) -> None:
    module = pytest.importorskip("ray", reason="Ray is not installed")
    if module.is_initialized():
        module.shutdown()
    with pytest.raises(mcoe.RunError, match="use fewer threads"):
        distributed.plan(RULES, AGENCY, tmp_path / "out", engine="ray", threads=1024)


def test_unknown_engines_and_numbers_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(mcoe.RunError, match="local, ray, spark"):
        distributed.plan(RULES, AGENCY, tmp_path / "out", engine="hadoop")
    with pytest.raises(mcoe.RunError, match="`shards` is 0"):
        distributed.plan(RULES, AGENCY, tmp_path / "out", shards=0)
    with pytest.raises(mcoe.ScenarioError, match="there is no such file"):
        distributed.plan(RULES, tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()
