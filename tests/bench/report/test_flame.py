"""The flame graph's frames: their stack, their width, and names that could break the markup."""

import re
from xml.etree import ElementTree

from bench.profile.timeline import WAITING, timeline
from bench.report.flame import FRAME_HEIGHT, WIDTH, flame_svg
from tests.builders.traces import trace, two_steps

SVG = "{http://www.w3.org/2000/svg}"


def frames(text: str) -> dict[str, tuple[float, float, float]]:
    """(left, top, width) by the tooltip's name."""
    found = {}
    for group in ElementTree.fromstring(text).iter(f"{SVG}g"):
        tooltip, rectangle = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert tooltip is not None
        assert rectangle is not None
        found[re.sub(r": [\d.]+ ms.*", "", str(tooltip.text))] = (
            *(float(rectangle.get(field, "nan")) for field in ("x", "y", "width")),
        )
    return found  # type: ignore[return-value]  # three of them


def test_a_frame_is_as_wide_as_its_part_and_stands_below_its_scope() -> None:
    """Of 100 ns the product in x has 60 and the sum in x 20; the rest is idle."""
    lines = {"python": [(WAITING, 0, 100)], "worker": [("x/a:MatMul", 0, 60), ("x/b:Sum", 60, 80)]}
    found = frames(flame_svg(timeline(trace(lines, [(0, 100)])), "the step"))
    assert found["the step"] == (0, 0, WIDTH)
    assert found["worker"] == (0, FRAME_HEIGHT, 0.8 * WIDTH)
    assert found["x"] == (0, 2 * FRAME_HEIGHT, 0.8 * WIDTH)
    assert found["MatMul"] == (0, 3 * FRAME_HEIGHT, 0.6 * WIDTH)
    assert found["Sum"] == (0.6 * WIDTH, 3 * FRAME_HEIGHT, 0.2 * WIDTH)
    assert found["idle"] == (0.8 * WIDTH, FRAME_HEIGHT, 0.2 * WIDTH)


def test_it_is_of_one_step_however_many_were_recorded() -> None:
    lines = {"python": [(WAITING, 0, 3_000_000)], "worker": [("a:MatMul", 0, 2_000_000)]}
    one, two = trace(lines, [(0, 3_000_000)]), two_steps(lines, 3_000_000)
    assert ": 2.000 ms, 66.7%" in flame_svg(timeline(one), "step")
    assert flame_svg(timeline(two), "step") == flame_svg(timeline(one), "step")


def test_names_are_escaped() -> None:
    text = flame_svg(timeline(trace({"<python>": [("a:A", 0, 10)]}, [(0, 10)])), 'one & "two"')
    assert "&lt;python&gt;" in text
    assert {'one & "two"', "<python>"} <= set(frames(text))


def test_control_characters_do_not_break_the_markup() -> None:
    text = flame_svg(timeline(trace({"wor\x1bker": [("a\x00b/c:A\x08", 0, 10)]}, [(0, 10)])), "the\x0bstep\nhere")
    assert {"the step here", "wor ker", "a b", "A"} <= set(frames(text))


def test_the_picture_scales() -> None:
    """Three frames high: step, thread, operation."""
    root = ElementTree.fromstring(flame_svg(timeline(trace({"worker": [("a:A", 0, 10)]}, [(0, 10)])), "step"))
    assert root.get("viewBox") == f"0 0 {WIDTH} {3 * FRAME_HEIGHT}"
