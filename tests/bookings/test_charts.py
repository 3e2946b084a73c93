"""Bars are as high as their values, whatever the language of the reader."""

from __future__ import annotations

import pytest
from django.utils import translation

from bookings.charts import Bar, Mark, draw_bars, nice_top


def test_bars_are_as_high_as_their_values():
    chart = draw_bars([Bar("a", 5, "five"), Bar("b", 10, "ten", "bad")], summary="Two bars", limit=Mark("10", "10 links"))
    five, ten = chart.boxes
    assert float(ten.height) == pytest.approx(2 * float(five.height))
    assert (ten.kind, ten.told, chart.limit and chart.limit.word) == ("bad", "ten", "10 links")
    assert [step.word for step in chart.steps] == ["0", "5", "10"]


def test_chart_without_a_bar_can_be_drawn():
    assert draw_bars([], summary="Nothing").boxes == []


def test_geometry_has_no_decimal_comma():
    with translation.override("id"):
        (box,) = draw_bars([Bar("a", 1 / 3, "a third")], summary="One bar").boxes
    assert all("," not in text for text in (box.x, box.y, box.width, box.height))


def test_many_bars_are_not_all_named():
    assert len(draw_bars([Bar(str(day), day, "") for day in range(60)], summary="Sixty").names) <= 10


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (1.5, 2), (3, 4), (5, 10), (37, 40), (41, 100)])
def test_top_of_the_scale_is_a_round_figure(value: float, top: float):
    assert nice_top(value) == top
