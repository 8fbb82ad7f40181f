"""How results look in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcoe._mcoe import Comparison, Plan, Simulation, Table

#: Number of rows of a table that are shown.
ROWS = 10


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(_text(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def table_html(table: Table) -> str:
    """The first rows of a table."""
    shown = min(ROWS, len(table))
    caption = f"{table.name}: {shown} of {len(table)} rows"
    return _html_table(caption, table.column_names, (list(row.values()) for row in table.rows(ROWS)))


def plan_html(plan: Plan) -> str:
    """The numbers of a plan."""
    counts = plan.counts
    rows = [
        ("week", plan.week),
        ("clients", counts["clients"]),
        ("posts", counts["posts"]),
        ("of these ready", counts["ready"]),
        ("of these need approval", counts["pending"]),
        ("of these blocked", counts["blocked"]),
        ("expected engagement", plan.expected_engagement),
        ("net worth", plan.objective),
        ("upper bound of the net worth", plan.upper_bound),
        ("gap", f"{plan.gap:.4%}"),
    ]
    return _html_table(f"plan {plan.plan_id}", ["", ""], rows)


def simulation_html(simulation: Simulation) -> str:
    """The headline figures of a simulation."""
    rows = []
    for name, figure in simulation.headline.items():
        low, high = figure["interval"] or (None, None)
        rows.append((name, figure["p5"], figure["p95"], figure["mean"], low, high))
    provenance = simulation.provenance
    caption = f"{provenance['weeks']} weeks, {provenance['replications']} replications"
    header = ["", "5 %", "95 %", "mean", "its 95 % interval from", "to"]
    return _html_table(caption, header, rows)


def comparison_html(comparison: Comparison) -> str:
    """The differences of the headline figures from the base."""
    rows = []
    for versus in comparison.versus:
        for figure in versus["headline"]:
            difference = figure["difference"]
            low, high = difference["interval"] or (None, None)
            rows.append((versus["label"], figure["measure"], difference["base"], difference["mean"], low, high))
    header = ["", "figure", "base", "difference", "its 95 % interval from", "to"]
    return _html_table("differences from the base", header, rows)
