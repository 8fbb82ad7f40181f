"""The examples of the documentation run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from conftest import ROOT, RULES, SCENARIOS, read_tables

import mcoe
from mcoe import distributed


def test_the_examples_of_the_functions_give_what_they_say() -> None:
    names = {"mcoe": mcoe, "pyarrow": pyarrow, "RULES": RULES, "SCENARIO": SCENARIOS / "small"}
    done = doctest.testmod(mcoe, extraglobs=names)
    assert done.failed == 0
    assert done.attempted > 20


def test_the_examples_of_the_functions_in_shards_give_what_they_say(tmp_path: Path) -> None:
    names = {"distributed": distributed, "RULES": RULES, "SCENARIO": SCENARIOS / "small", "OUT": tmp_path}
    done = doctest.testmod(distributed, extraglobs=names)
    assert (done.failed, done.attempted) == (0, 5)


def test_the_examples_of_the_guide_to_many_clients_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block.replace('"out/', f'"{tmp_path}/').replace('engine="ray"', 'engine="local"'), {})


def test_the_examples_of_the_readme_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    tables = read_tables(SCENARIOS / "small")
    tables["assets"] = tables["assets"].drop_columns(["campaign_id"])
    names: dict[str, Any] = {name: tables[name] for name in ("clients", "channels", "assets")}
    for block in blocks:
        exec(block.replace("2026-09-07", "2026-10-19"), names)
    assert names["scenario"].client_ids == ["kettle-lane", "orbit-repair"]
    assert list(names["posts"]["post_id"])
