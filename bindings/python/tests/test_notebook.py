"""The notebook in `examples/` runs from top to bottom."""

from __future__ import annotations

from typing import Any

import nbformat
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "examples/compare_two_packs.ipynb"


def test_the_notebook_runs_and_shows_tables() -> None:
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len(outputs) >= 6
    shown = [output["data"] for output in outputs if "data" in output]
    assert sum("text/html" in data for data in shown) >= 4
    assert "net worth" in shown[-1]["text/plain"]
