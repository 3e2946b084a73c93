"""Charts drawn on the server as SVG: geometry only, as texts (a reader's decimal comma would break a drawing).

A chart never stands alone: the page shows the same figures in a table, and `summary` says in words what is to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 200
LEFT, TOP, BOTTOM = 40, 12, 24
MOST_LABELS = 10


@dataclass(frozen=True)
class Bar:
    """One value from 0 on. `name` stands below it, `told` is read out; `kind` is a class of charts.css: good, wait, bad."""

    name: str
    value: float
    told: str
    kind: str = ""


@dataclass(frozen=True)
class Box:
    """A bar as it is drawn."""

    x: str
    y: str
    width: str
    height: str
    told: str
    kind: str


@dataclass(frozen=True)
class Mark:
    """A word at an axis, or a line across the chart at `at`."""

    at: str
    word: str


@dataclass(frozen=True)
class Chart:
    """What templates/includes/_chart.html draws."""

    summary: str
    boxes: Sequence[Box]
    names: Sequence[Mark]
    steps: Sequence[Mark]
    limit: Mark | None
    width: str = str(WIDTH)
    height: str = str(HEIGHT)
    left: str = str(LEFT)
    base: str = str(HEIGHT - BOTTOM)
    name_line: str = str(HEIGHT - 6)


def draw_bars(bars: Sequence[Bar], *, summary: str, limit: Mark | None = None, unit: str = "") -> Chart:
    """Return a bar chart. `limit.at` is a value such as "12": a line across with its word; `unit` follows the figures."""
    top = nice_top(max([bar.value for bar in bars] + [float(limit.at) if limit else 0.0]))
    space = (WIDTH - LEFT) / max(1, len(bars))
    boxes = [
        Box(
            x=_text(LEFT + place * space + space * 0.1),
            y=_text(_height_at(bar.value, top)),
            width=_text(space * 0.8),
            height=_text(HEIGHT - BOTTOM - _height_at(bar.value, top)),
            told=bar.told,
            kind=bar.kind,
        )
        for place, bar in enumerate(bars)
    ]
    every = -(-len(bars) // MOST_LABELS)
    names = [
        Mark(_text(LEFT + (place + 0.5) * space), bar.name) for place, bar in enumerate(bars) if place % (every or 1) == 0
    ]
    steps = [Mark(_text(_height_at(value, top)), f"{_figure(value)}{unit}") for value in (0, top / 2, top)]
    line = Mark(_text(_height_at(float(limit.at), top)), limit.word) if limit else None
    return Chart(summary, boxes, names, steps, line)


def nice_top(value: float) -> float:
    """Return the first of 1, 2, 4, 10, 20, 40, 100 … that is not below the value."""
    top = 1.0
    while True:
        for factor in (1, 2, 4):
            if value <= top * factor:
                return top * factor
        top *= 10


def _height_at(value: float, top: float) -> float:
    return TOP + (HEIGHT - BOTTOM - TOP) * (1 - value / top)


def _figure(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.1f}"


def _text(value: float) -> str:
    return f"{value:.1f}"
