"""Exceptions: what is wrong with an input, where, and how to correct it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Diagnostic", "McoeError", "RulesError", "RunError", "ScenarioError"]


MAX_SHOWN = 50
"""Number of diagnostics in the text of an exception. ``diagnostics`` has all of them."""


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning about an input. A part of the place that does not apply is ``None``."""

    code: str
    """Stable code of the kind of error, such as ``unknown_key``."""
    cause: str
    """What is wrong."""
    remedy: str
    """How to correct it."""
    text: str
    """Place, cause and remedy on one line."""
    file: str | None = None
    """The file or table."""
    line: int | None = None
    """The line of the text, from 1."""
    row: int | None = None
    """The number of the table's row, from 1."""
    column: int | str | None = None
    """The column of the text, from 1, or the name of the table's column."""
    key: str | None = None
    """The key or name that is concerned."""

    def __str__(self) -> str:
        return self.text


def diagnostics(entries: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> list[Diagnostic]:
    """The diagnostics in the form in which the engine states them."""
    return [_diagnostic(entry, text) for entry, text in zip(entries, texts, strict=True)]


def _diagnostic(entry: Mapping[str, Any], text: str) -> Diagnostic:
    return Diagnostic(
        code=entry["code"],
        cause=entry["cause"],
        remedy=entry["remedy"],
        text=text,
        file=entry.get("file"),
        line=entry.get("line") or None,
        row=entry.get("row"),
        column=entry.get("column") or None,
        key=entry.get("key") or entry.get("field") or None,
    )


class McoeError(Exception):
    """The base of all exceptions of this package."""

    diagnostics: list[Diagnostic]
    """Everything that was found, in the order of the input."""

    def __init__(self, cause: str, remedy: str = "") -> None:
        text = f"{cause}; {remedy}" if remedy else cause
        super().__init__(text)
        self.diagnostics = [Diagnostic("error", cause, remedy, text)]

    @classmethod
    def from_diagnostics(cls, entries: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> McoeError:
        """The exception for a list of diagnostics. Its text has the first of them."""
        shown = [*texts[:MAX_SHOWN], *([f"and {len(texts) - MAX_SHOWN} more"] if len(texts) > MAX_SHOWN else [])]
        error = cls("\n".join(shown))
        error.diagnostics = diagnostics(entries, texts)
        return error


class RulesError(McoeError):
    """A rules pack is invalid, or names something that the scenario does not have."""


class ScenarioError(McoeError):
    """A scenario is invalid."""


class RunError(McoeError):
    """An argument is invalid, or the work failed."""
