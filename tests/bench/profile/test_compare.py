"""Two profiles: the difference table has what got slower first, and refuses what can't be compared."""

import dataclasses

import pytest

from bench.profile.compare import compare
from bench.profile.timeline import WAITING
from tests.builders.profiles import two_operations
from tests.builders.records import OTHER_MACHINE, SUBJECT, TINY
from tests.builders.traces import profile, trace


def test_what_got_slower_comes_first() -> None:
    """The product takes 500 ns for 400, the addition 90 for 100: 590 for 500 in all."""
    found = compare(two_operations(400, 100), two_operations(500, 90))
    assert (found.reference_seconds, found.candidate_seconds) == pytest.approx((500e-9, 590e-9))
    first, *middle, last = found.by_kind
    assert (first.name, last.name) == ("MatMul", "Add")
    assert (first.slower_seconds, last.slower_seconds) == pytest.approx((100e-9, -10e-9))
    assert all(difference.slower_seconds == 0 for difference in middle)
    assert found.by_layer[0].name == "output"
    assert sum(difference.slower_seconds for difference in found.by_layer) == pytest.approx(90e-9)


def test_an_eager_operation_is_a_part_of_both_sides() -> None:
    """The iterator is built twice in place of once."""
    once, built = ("EagerLocalExecute: MakeIterator", 0, 70), ("EagerLocalExecute: MakeIterator", 70, 145)
    one, other = (
        profile(trace({"python": events}, [(0, end)]), end / 1e9)
        for events, end in (([once], 100), ([once, built], 175))
    )
    found = compare(one, other)
    kind, layer = found.by_kind[0], found.by_layer[0]
    assert (kind.name, layer.name) == ("eager MakeIterator", "outside the graph")
    assert (kind.reference_calls, kind.candidate_calls) == (1, 2)
    assert kind.slower_seconds == layer.slower_seconds == pytest.approx(75e-9)


def test_a_kernel_of_onednn_is_compared_with_the_other_of_its_type() -> None:
    found = compare(two_operations(400, 100), two_operations(500, 100, "_Mkl"))
    assert found.by_kind[0].name == "MatMul"
    assert found.by_kind[0].reference_seconds == pytest.approx(400e-9)


def test_an_operation_of_one_side_alone_counts_as_zero_on_the_other() -> None:
    one, other = (
        two_operations(400, 100),
        profile(trace({"python": [(WAITING, 0, 100)], "worker": [("new:Cast", 0, 100)]}, [(0, 100)]), 1e-7),
    )
    found = {difference.name: difference for difference in compare(one, other).by_kind}
    assert (found["Cast"].reference_seconds, found["Cast"].reference_calls, found["Cast"].candidate_calls) == (0, 0, 1)
    assert found["MatMul"].candidate_seconds == 0


def test_the_cost_of_recording_is_no_difference() -> None:
    """The same step of 500 ns, recorded at 10 ns an event on one side: the parts are alike all the same."""
    slowed = dataclasses.replace(two_operations(410, 110), plain_seconds=(500e-9,) * 4)
    found = compare(two_operations(400, 100), slowed)
    assert [round(difference.slower_seconds * 1e12) for difference in found.by_kind] == [0] * 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "clip"}, "their targets are step and clip"),
        ({"subject": SUBJECT}, "their configurations are tiny and notebook"),
        ({"subject": dataclasses.replace(TINY, corpus="ptb")}, "their corpora are synthetic and ptb"),
        (
            {"subject": dataclasses.replace(TINY, fingerprint="edited")},
            f"models or data are {TINY.fingerprint} and edited",
        ),
        ({"subject": dataclasses.replace(TINY, device="gpu:0")}, "their devices are cpu:0 and gpu:0"),
        ({"machine": OTHER_MACHINE}, "their machines are "),
    ],
)
def test_profiles_of_different_things_are_refused(change: dict[str, object], message: str) -> None:
    one = two_operations(400, 100)
    with pytest.raises(ValueError, match=message):
        compare(one, dataclasses.replace(one, **change))  # type: ignore[arg-type]  # by name
