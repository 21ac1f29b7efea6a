"""Plots read back from their SVG: where shapes lie, what the axes say, and that names stay text."""

import functools
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest

from bench.report.charts import Axis, Chart, Shape
from bench.report.plots import INCHES, MOST_LETTERS, svg
from tests.builders.verdicts import HOSTILE

LINE = Shape("candidate thin", ((0.0, 0.0), (5.0, 100.0), (10.0, 50.0)), "launch 1")


def chart(
    *shapes: Shape,
    unit: str = "",
    logarithmic: bool = False,
    x_axis: Axis | None = None,
    title: str = "Loss",
    x_label: str = "step",
) -> Chart:
    return Chart(title, "caption", x_label, "nats", shapes, (), unit, logarithmic, x_axis)


@functools.cache
def parsed(of: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(svg(of))


def paths(of: Chart, style: str) -> list[list[tuple[float, float]]]:
    """The corners of every path of a style, in the SVG's units."""
    found = [path.attrib["d"] for path in parsed(of).iter("path") if path.attrib["class"] == style]
    numbers = [[float(word) for word in path.split() if word not in {"M", "L", "z"}] for path in found]
    return [list(zip(each[::2], each[1::2], strict=True)) for each in numbers]


def labels(of: Chart, anchor: str) -> list[str]:
    """At y ("end") or at x, with the axis' own label ("middle")."""
    return [text.text or "" for text in parsed(of).iter("text") if text.attrib["text-anchor"] == anchor]


def test_a_line_lies_where_its_values_do() -> None:
    ((left, bottom), (middle, top), (right, half)) = paths(chart(LINE), "candidate thin")[0]
    width, height = (72 * inches for inches in INCHES)
    assert 0 < left < 0.15 * width
    assert 0.95 * width < right < width
    assert middle == pytest.approx((left + right) / 2, abs=0.01)
    assert 0 < top < half < bottom < height  # up is at the top
    assert half == pytest.approx((top + bottom) / 2, abs=0.01)


def test_the_height_of_a_value_is_the_same_for_every_shape() -> None:
    drawn = chart(
        LINE, Shape("dot", ((5.0, 50.0),)), Shape("envelope", ((0.0, 0.0), (10.0, 0.0), (10.0, 100.0)), closed=True)
    )
    line, (dot, again), area = (paths(drawn, style)[0] for style in ("candidate thin", "dot lone", "envelope"))
    assert dot == again == (line[1][0], line[2][1])
    assert area == [line[0], (line[2][0], line[0][1]), (line[2][0], line[1][1])]


@pytest.mark.parametrize(
    ("values", "logarithmic", "expected"),
    [
        ((0.3, 10.2), False, ["0 ms", "2 ms", "4 ms", "6 ms", "8 ms", "10 ms"]),
        ((-0.1, 0.3), False, ["-0.1 ms", "0 ms", "0.1 ms", "0.2 ms", "0.3 ms"]),
        ((2e-6, 5e-4), True, ["1e-06 ms", "1e-05 ms", "1e-04 ms", "1e-03 ms"]),
        ((2.0, 3.0), True, ["1e+00 ms", "1e+01 ms"]),
    ],
    ids=["linear", "around zero", "logarithmic", "within a power of ten"],
)
def test_ticks_are_round(values: Sequence[float], logarithmic: bool, expected: list[str]) -> None:
    drawn = chart(Shape("thin", tuple(enumerate(values))), unit=" ms", logarithmic=logarithmic)
    assert labels(drawn, "end") == expected


def test_steps_are_whole_numbers() -> None:
    assert labels(chart(Shape("thin", ((0.0, 1.0), (2.0, 1.0)))), "middle") == ["0", "1", "2", "step"]


def test_an_axis_goes_as_far_as_it_says_with_its_own_ticks() -> None:
    drawn = chart(
        Shape("dot", ((1.0, 1.0), (2.0, 1.0))), x_axis=Axis(0.5, 2.5, ((1, "first"), (2, "last"))), x_label="launch"
    )
    assert labels(drawn, "middle") == ["first", "last", "launch"]
    (left, _), (right, _) = paths(drawn, "dot")[0]
    frame = [across for path in paths(drawn, "frame") for across, _ in path]
    assert (left - min(frame), max(frame) - right) == pytest.approx(((right - left) / 2,) * 2, abs=0.01)


def test_two_nightlies_look_different() -> None:
    names = [f"tf-nightly 2.22.0-dev2026110{day}" for day in (1, 2)]
    drawn = chart(LINE, x_axis=Axis(0.0, 10.0, ((1, names[0]), (9, names[1]))))
    first, second, _ = labels(drawn, "middle")
    assert first != second
    assert {len(first), len(second)} == {MOST_LETTERS}


def test_a_line_of_one_point_is_a_dot() -> None:
    assert paths(chart(Shape("series-1", ((1.0, 1.0), (2.0, math.nan)))), "series-1 lone")


def test_what_has_no_place_is_not_drawn() -> None:
    drawn = chart(
        LINE,
        Shape("nothing", ((0.0, math.nan), (1.0, math.inf))),
        Shape("gap", ((0.0, math.nan), (5.0, 0.0), (10.0, 50.0))),
    )
    assert paths(drawn, "nothing") == []
    assert paths(drawn, "gap")[0][1] == paths(drawn, "candidate thin")[0][2]


def test_a_logarithmic_axis_has_no_place_for_zero() -> None:
    drawn = chart(
        Shape("gap", ((0.0, 1e-7), (1.0, 0.0), (2.0, 1e-9))), Shape("nothing", ((1.0, 0.0),)), logarithmic=True
    )
    assert len(paths(drawn, "gap")[0]) == 2
    assert paths(drawn, "nothing") == []
    assert labels(drawn, "end") == ["1e-09", "1e-08", "1e-07"]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_chart_of_nothing_has_axes(logarithmic: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paths(chart(Shape("nothing", ()), logarithmic=logarithmic), "frame")


def test_a_pointer_is_told_what_it_is_at() -> None:
    assert [title.text for title in parsed(chart(LINE, Shape("dot", ((1.0, 1.0),)))).iter("title")] == ["launch 1"]


def test_hostile_names_are_text_on_one_line() -> None:
    dollars = "$\\frac{1$ " + HOSTILE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = chart(
            Shape("dot", ((1.0, 1.0),), dollars), x_axis=Axis(0.0, 2.0, ((1, dollars), (2, "日本"))), title=dollars
        )
        root = parsed(drawn)
    assert {element.tag for element in root.iter()} == {"svg", "path", "text", "title"}
    assert "<script>window.owned = 1</script>" in "".join(root.itertext())
    first, second, _ = labels(drawn, "middle")
    assert first.startswith("$\\frac{1")
    assert len(first) == MOST_LETTERS
    assert second == "日本"
    assert all(character.isprintable() for character in svg(drawn))


def test_nothing_reaches_beyond_the_plot() -> None:
    for element in parsed(chart(LINE)).iter():
        assert element.tag in {"svg", "path", "text", "title"}
        assert set(element.attrib) <= {"viewBox", "role", "aria-label", "class", "d", "x", "y", "text-anchor"}


def test_the_user_s_settings_change_nothing(tmp_path: Path) -> None:
    before = svg(chart(LINE))
    with matplotlib.rc_context({"svg.fonttype": "path", "font.size": 30, "axes.grid": False, "text.parse_math": True}):
        assert svg(chart(LINE)) == before
        assert matplotlib.rcParams["font.size"] == 30


def test_a_logarithmic_axis_leaves_out_what_its_margins_could_not_hold() -> None:
    drawn = chart(Shape("far", ((0.0, 1e308), (1.0, 1e-5), (2.0, 1e-3), (3.0, 5e-324))), logarithmic=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(paths(drawn, "far")[0]) == 2
