"""What the tests share: the shipped pack and scenarios, and the command line's program."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pyarrow
import pytest

import mcoe

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "rules"
SCENARIOS = ROOT / "scenarios"


@pytest.fixture(scope="session")
def rules() -> mcoe.Rules:
    """The default pack."""
    return mcoe.read_rules(RULES)


@pytest.fixture(scope="session")
def agency(rules: mcoe.Rules) -> mcoe.Scenario:
    """The shipped agency: twelve clients on nine channels."""
    return mcoe.read_scenario(SCENARIOS / "agency", rules)


@pytest.fixture(scope="session")
def small(rules: mcoe.Rules) -> mcoe.Scenario:
    """The shipped scenario of two clients."""
    return mcoe.read_scenario(SCENARIOS / "small", rules)


@pytest.fixture
def small_tables() -> dict[str, pyarrow.Table]:
    """The tables of the small scenario; a test may change them."""
    return read_tables(SCENARIOS / "small")


def read_tables(folder: Path) -> dict[str, pyarrow.Table]:
    """The tables of a scenario's folder, all cells as text."""
    from pyarrow import csv

    tables = {}
    for path in sorted(folder.glob("*.csv")):
        names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        options = csv.ConvertOptions(column_types={name: pyarrow.string() for name in names})
        tables[path.stem] = csv.read_csv(path, convert_options=options)
    return tables


def command_line(arguments: str, folder: Path) -> str:
    """Runs the command line's program in the project, with ``{out}`` as a folder within ``folder``, and returns what it
    prints."""
    program = os.environ.get("MCOE")
    if program is None:
        pytest.skip("MCOE does not name the command line's program")
    line = [program, *shlex.split(arguments.format(out=folder / "out"))]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
