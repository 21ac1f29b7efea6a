"""A profile and a comparison as text, and the diff of programs."""

import dataclasses
import json

import pytest

from bench.profile.compare import compare
from bench.profile.timeline import WAITING
from bench.record.profile import PeakMemory, Profile, Traces
from bench.report.profile import TOP, comparison_json, comparison_text, profile_json, profile_text, program_diff
from tests.builders.golden import golden
from tests.builders.traces import profile, trace

MS = 1_000_000
MEMORY = PeakMemory("cpu", 3 * 2**20, {"dense/MatMul": 2 * 2**20})


WAY_ON = "Python and idle are more than half of the step: how to go on is in docs/profile.md, 'When Python or idle is"


def made(product_ms: int = 6, step_ms: int = 10) -> Profile:
    """A step: a product of `product_ms`, an addition of 2 ms, and the rest idle; 1 ms less without the profiler."""
    end = product_ms * MS
    events = [("dense/MatMul:MatMul", 0, end), ("rnn/add:Add", end, end + 2 * MS)]
    lines = {"python": [(WAITING, 0, step_ms * MS)], "worker": events}
    of = trace(lines, [(0, step_ms * MS)], {"dense/MatMul": 300_000_000}, [MEMORY])
    return profile(of, (step_ms - 1) / 1000)


def squeezed(text: str) -> str:
    """With single spaces: how wide a column is doesn't matter."""
    return " ".join(text.split())


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each line that a table's row could be, by its first."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_wording() -> None:
    again = Traces(2, ("inputs: int32 [8, 10]", "inputs: int32 [7, 10]"), ("5 out of the last 5 calls retraced",))
    retraced = dataclasses.replace(made(), traces=again, hlo_problem="InvalidArgumentError: no")
    astray = dataclasses.replace(made(), profiled_seconds=(0.0094,) * 4)
    found = compare(made(6), made(7))
    texts = [*map(profile_text, (made(), retraced, astray)), comparison_text(made(6), made(7), found)]
    golden("profile.txt", "\n\n".join(texts))


def test_the_table_adds_up() -> None:
    """0.3 GFLOP in 6 ms are 50 GFLOP/s, half of the 100 that the machine reaches."""
    text = profile_text(made())
    found = rows(text)
    assert found["MatMul"] == ["6.000", "60.0%", "6.000", "1.0", "50.0", "50%"]
    assert found["Add"] == ["2.000", "20.0%", "2.000", "1.0"]
    assert found["idle"] == ["2.000", "20.0%"]
    assert found["output"][:2] == ["6.000", "60.0%"]
    assert "the step 10.000 100.0% 8.000" in squeezed(text)


@pytest.mark.parametrize(
    ("candidate", "told"), [(made(6, 12), True), (made(8, 10), False), (made(6, 9), False), (made(9, 12), False)]
)
def test_what_got_slower_beyond_the_graph_is_told_with_the_way_on(candidate: Profile, told: bool) -> None:
    """Idle 2 ms more; the product takes as much longer; idle less; the product 3 ms more, and idle 1 ms less."""
    text = comparison_text(made(), candidate, compare(made(), candidate))
    assert ("is idle, which is not in the graph" in squeezed(text)) == told


@pytest.mark.parametrize(("step_ms", "told"), [(16, False), (17, True)])
def test_a_step_that_is_mostly_beyond_the_graph_is_told_with_the_way_on(step_ms: int, told: bool) -> None:
    """The two operations take 8 ms of it; the rest is idle."""
    assert (WAY_ON in squeezed(profile_text(made(step_ms=step_ms)))) == told


@pytest.mark.parametrize(("milliseconds", "warned"), [(9.6, False), (9.4, True), (10.4, False), (10.7, True)])
def test_rows_that_do_not_add_up_are_warned_of(milliseconds: float, warned: bool) -> None:
    """Rows of 10 ms are 104.2%, 106.4%, 96.2% and 93.5% of these steps."""
    text = profile_text(dataclasses.replace(made(), profiled_seconds=(milliseconds / 1000,) * 4))
    assert ("WARNING" in text) == warned


def test_rows_beyond_the_top_are_one() -> None:
    """25 types of 1 ms each: 20 are shown, 5 are together."""
    events = [(f"a{number}:Kind{number}", number * MS, (number + 1) * MS) for number in range(TOP + 5)]
    text = profile_text(profile(trace({"python": [(WAITING, 0, 25 * MS)], "worker": events}, [(0, 25 * MS)]), 0.025))
    assert "5 others 5.000 20.0% 5.000 5.0" in squeezed(text)


def test_a_comparison_keeps_the_rows_that_changed_most() -> None:
    """Of 25 types of 1 ms each, one takes 4 ms now and the others 0.9."""

    def made(slow: int, fast: int) -> Profile:
        ends = [slow + number * fast for number in range(TOP + 5)]
        events = [(f"a{n}:Kind{n}", end - (fast if n else slow), end) for n, end in enumerate(ends)]
        return profile(trace({"python": [(WAITING, 0, ends[-1])], "worker": events}, [(0, ends[-1])]), ends[-1] / 1e9)

    one, other = made(MS, MS), made(4 * MS, 9 * MS // 10)
    kinds = [name for name in rows(comparison_text(one, other, compare(one, other))) if name.startswith("Kind")]
    assert (kinds[0], len(kinds)) == ("Kind0", TOP)


def test_a_comparison_has_what_got_slower_first() -> None:
    """Scaled from 10 ms to the unprofiled 9: no recorded event is without cost."""
    one, other = made(6), made(7)
    found = compare(one, other)
    text = comparison_text(one, other, found)
    body = [line for line in text.splitlines() if line and not line.startswith(("-", "step-", "Unprofiled"))]
    assert body[0].split()[0] == "operation"
    assert body[1].split()[0] == "MatMul"
    plain = comparison_json(one, other, found)
    assert plain["by_kind"][0]["name"] == "MatMul"
    json.dumps(plain, allow_nan=False)


@pytest.mark.parametrize(("stream", "idle"), [([("dense/MatMul:MatMul", MS, 8 * MS)], 0.3), ([], None)])
def test_a_device_idles_while_no_stream_runs_anything(stream: list[tuple[str, int, int]], idle: float | None) -> None:
    """Whatever the host does meanwhile."""
    lines = {"python": [(WAITING, 0, 10 * MS)], "worker": [("rnn/add:Add", 0, 9 * MS)]}
    of = trace(lines | ({"/device:GPU:0 stream": stream} if stream else {}), [(0, 10 * MS)])
    subject = dataclasses.replace(made().subject, device="gpu:0")
    found = profile(of, 0.009, subject=subject)
    assert profile_json(found)["device_idle"] == (idle and pytest.approx(idle))
    assert ("gpu:0 is idle in 30.0% of the profiled step" in profile_text(found)) == (idle is not None)


def test_json_has_the_same_numbers() -> None:
    plain = profile_json(made())
    assert plain["tracing_overhead"] == pytest.approx(1 / 9)
    assert plain["by_operation"][0]["name"] == "MatMul"
    assert plain["by_operation"][0]["seconds"] == pytest.approx(0.006)
    json.dumps(plain, allow_nan=False)


def test_programs_are_compared_line_by_line() -> None:
    assert program_diff("a\nb\n", "a\nb\n", ("one", "other")) == ""
    assert program_diff("a\nb\n", "a\nc\n", ("one", "other")).splitlines()[2:] == ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]


def test_the_count_of_instructions_is_no_difference() -> None:
    assert program_diff("dot.12 = f32[2] dot(a.1, b.2)\n", "dot.13 = f32[2] dot(a.1, b.3)\n", ("one", "other")) == ""
    assert program_diff("c = constant(1.5)\n", "c = constant(1.25)\n", ("one", "other")) != ""
