"""Figures and the table of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from pybernetes.cluster.status import table


@dataclass
class Figure:
    """One row: what each server needs or does, round by round.

    `least` is the ratio to upstream that is asked for when more is better, `most` when less is better; `limit` is
    an absolute one for pybernetes (at least when more is better, at most when less is). `cpu` is microseconds of
    the server's CPU a request.
    """

    what: str
    unit: str
    least: float = 0.0
    most: float = 0.0
    limit: float | None = None
    values: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def more_is_better(self) -> bool:
        return self.unit.endswith("/s")

    def add(self, server: str, value: float, cpu: float | None = None, note: str = "") -> None:
        self.values.setdefault(server, []).append(value)
        if cpu is not None:
            self.cpu.setdefault(server, []).append(cpu)
        if note:
            self.notes.setdefault(server, []).append(note)

    def median(self, server: str) -> float | None:
        values = self.values.get(server)
        return statistics.median(values) if values else None

    @property
    def ratio(self) -> float | None:
        ours, theirs = self.median("pybernetes"), self.median("upstream")
        return ours / theirs if ours is not None and theirs else None

    @property
    def good(self) -> bool:
        ours, ratio = self.median("pybernetes"), self.ratio
        if ours is not None and self.limit is not None:
            missed = ours < self.limit if self.more_is_better else ours > self.limit
            if missed:
                return False
        if ratio is None:
            return True
        return not (self.least and ratio < self.least) and not (self.most and ratio > self.most)

    @property
    def target(self) -> str:
        wanted = []
        if self.least:
            wanted.append(f">= {self.least:g} x")
        if self.most:
            wanted.append(f"<= {self.most:g} x")
        if self.limit is not None:
            wanted.append(f"{'>=' if self.more_is_better else '<='} {self.limit:g}")
        return ", ".join(wanted)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


class Report:
    """Of all figures."""

    def __init__(self, figures: list[Figure]) -> None:
        self._figures = figures

    @property
    def good(self) -> bool:
        return all(figure.good for figure in self._figures)

    def text(self) -> str:
        rows = [("WORK", "PYBERNETES", "UPSTREAM", "UNIT", "RATIO", "TARGET", "CPU us", "UPSTREAM", "")]
        for figure in self._figures:
            cpu = [
                _number(statistics.median(figure.cpu[name])) if figure.cpu.get(name) else ""
                for name in ("pybernetes", "upstream")
            ]
            rows.append(
                (
                    figure.what,
                    _number(figure.median("pybernetes")),
                    _number(figure.median("upstream")),
                    figure.unit,
                    _number(figure.ratio),
                    figure.target,
                    *cpu,
                    "" if figure.good else "MISSED",
                )
            )
        lines = table(rows)
        for figure in self._figures:
            lines += [f"  {figure.what}: {name}: {'; '.join(notes)}" for name, notes in figure.notes.items()]
        return "\n".join(lines)

    def values(self) -> list[dict[str, Any]]:
        return [
            {
                "what": one.what,
                "unit": one.unit,
                "target": one.target,
                "ratio": one.ratio,
                "values": one.values,
                "cpu": one.cpu,
                "good": one.good,
            }
            for one in self._figures
        ]
