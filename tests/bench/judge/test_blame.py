"""From paired runs of parts to the package that is to blame."""

import dataclasses

import pytest

from bench.judge.blame import Answer, Blame, Part, blame_by_launches, blame_by_numbers, failure_of
from bench.record.paired import PairedRun
from bench.record.types import NO_FLOAT64, NO_ORACLE, Failure, Unchecked
from tests.builders.paired import pair, paired_run
from tests.builders.records import MARGINS, record, records

CRASH, ENDED = Failure("crashed", "killed"), Failure(NO_ORACLE, "the oracle failed: killed")


def launches(step: float) -> PairedRun:
    return paired_run([pair(launch, step=step) for launch in range(8)])


def numbers(*, wrong: bool) -> PairedRun:
    right = records()[0]
    over = tuple(dataclasses.replace(error, error=2 * error.limit) for error in right.numerics)
    return dataclasses.replace(
        paired_run([]), oracle=(right, dataclasses.replace(right, numerics=over) if wrong else right)
    )


def inconclusive() -> PairedRun:
    """Numbers of a model that can't be run in float64: upgrade calls them INCONCLUSIVE."""
    unchecked = (Unchecked(NO_FLOAT64, "it stays float32"),)
    return paired_run([], (record(), dataclasses.replace(record(numerics=()), unchecked=unchecked)))


def paired(tensorflow: PairedRun | None, keras: PairedRun | None, both: PairedRun | None) -> list[Part]:
    """Two packages and their pair; None of what can't be measured."""
    runs = {"tensorflow": tensorflow, "keras": keras, "tensorflow+keras": both}
    parts = [Part(name, run=run, problem="" if run else "can't import") for name, run in runs.items()]
    return [*parts[:2], dataclasses.replace(parts[2], members=("tensorflow", "keras"))]


def blamed_in(blame: Blame) -> tuple[str, ...]:
    return tuple(one.part.title for one in blame.blamed)


class TestByLaunches:
    """A metric with noise."""

    @pytest.mark.parametrize(
        ("whole", "tensorflow", "keras", "answer", "blamed"),
        [
            (0.2, 0.0, 0.2, Answer.BLAMED, ("keras",)),
            (0.3, 0.1, 0.2, Answer.BLAMED, ("tensorflow", "keras")),
            (0.2, 0.0, 0.0, Answer.NO_PACKAGE, ()),
            (0.0, 0.0, 0.0, Answer.NOT_PROVEN, ()),
            (0.0, 0.1, -0.1, Answer.BLAMED, ("tensorflow", "keras")),
        ],
    )
    def test_each_answer(
        self, whole: float, tensorflow: float, keras: float, answer: Answer, blamed: tuple[str, ...]
    ) -> None:
        packages = [Part("tensorflow", run=launches(tensorflow)), Part("keras", run=launches(keras))]
        found = blame_by_launches(Part("all", run=launches(whole)), packages, [], "step time", MARGINS)
        assert (found.answer, blamed_in(found)) == (answer, blamed)

    def test_a_part_that_can_t_be_measured_has_no_effect_and_explains_nothing(self) -> None:
        packages = [Part("tensorflow", run=launches(0.2), problem="crashed"), Part("keras", run=launches(0.1))]
        found = blame_by_launches(Part("all", run=launches(0.3)), packages, [], "step time", MARGINS)
        assert found.packages[0].effect is None
        assert found.unexplained
        assert found.unexplained.estimate == pytest.approx(0.2, abs=0.01)

    @pytest.mark.parametrize(
        ("tensorflow", "keras", "both", "blamed", "beyond"),
        [
            (0.0, 0.0, 0.3, ("tensorflow+keras",), 0.3),  # an interaction
            (0.0, 0.3, 0.3, ("keras",), 0.0),
            (0.1, 0.2, 0.2, ("tensorflow", "keras", "tensorflow+keras"), -0.1),
            (None, 0.0, 0.3, ("tensorflow+keras",), 0.3),  # TensorFlow, with Keras
            (None, 0.3, 0.3, ("keras",), 0.0),
            (None, None, 0.3, ("tensorflow+keras",), 0.3),
            (None, 0.3, None, ("keras",), None),
        ],
    )
    def test_a_pair_is_blamed_for_what_it_does_beyond_its_members(
        self,
        tensorflow: float | None,
        keras: float | None,
        both: float | None,
        blamed: tuple[str, ...],
        beyond: float | None,
    ) -> None:
        packages = paired(*(None if step is None else launches(step) for step in (tensorflow, keras, both)))
        found = blame_by_launches(Part("all", run=launches(0.3)), packages, [], "step time", MARGINS)
        assert blamed_in(found) == blamed
        assert [one and one.estimate for one in (pair.beyond for pair in found.pairs)] == [
            beyond if beyond is None else pytest.approx(beyond, abs=0.01)
        ]

    def test_of_two_that_differ_alone_the_whole_is_the_pair(self) -> None:
        packages = paired(launches(0.0), launches(0.1), None)[:2]
        whole = Part("all", run=launches(0.3), members=("tensorflow", "keras"))
        found = blame_by_launches(whole, packages, [], "step time", MARGINS)
        assert blamed_in(found) == ("keras", "tensorflow+keras")
        assert found.whole.beyond
        assert found.whole.beyond.estimate == pytest.approx(0.2, abs=0.01)

    def test_what_a_switch_leaves_of_the_change(self) -> None:
        switch = [Part("onednn", run=launches(0.05))]
        found = blame_by_launches(Part("all", run=launches(0.3)), [], switch, "step time", MARGINS)
        assert found.switches[0].gone
        assert found.switches[0].gone.estimate == pytest.approx(0.25, abs=0.01)


class TestByNumbers:
    """The oracle and lockstep."""

    def test_the_package_that_departs_alone_is_to_blame(self) -> None:
        packages = [Part("tensorflow", run=numbers(wrong=False)), Part("keras", run=numbers(wrong=True))]
        found = blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)
        assert (found.answer, blamed_in(found)) == (Answer.BLAMED, ("keras",))
        assert [bool(one.departure) for one in (found.whole, *found.packages)] == [True, False, True]

    def test_right_numbers_have_nothing_to_blame(self) -> None:
        packages = [Part("keras", run=numbers(wrong=False))]
        assert blame_by_numbers(Part("all", run=numbers(wrong=False)), packages, [], MARGINS).answer is Answer.NO_CHANGE

    def test_a_part_that_fails_is_none_that_departs(self) -> None:
        packages = [Part("keras", run=numbers(wrong=True), problem="can't import")]
        found = blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)
        assert (found.answer, found.packages[0].departure) == (Answer.NOT_PROVEN, None)

    @pytest.mark.parametrize(
        ("tensorflow", "keras", "both", "blamed"),
        [
            (False, False, True, ("tensorflow+keras",)),
            (None, False, True, ("tensorflow+keras",)),
            (None, None, True, ("tensorflow+keras",)),
            (None, True, True, ("keras",)),
            (False, True, False, ("keras",)),
            (False, False, False, ()),
        ],
    )
    def test_a_pair_is_blamed_that_departs_where_neither_member_does(
        self, tensorflow: bool | None, keras: bool | None, both: bool, blamed: tuple[str, ...]
    ) -> None:
        packages = paired(*(None if wrong is None else numbers(wrong=wrong) for wrong in (tensorflow, keras, both)))
        found = blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)
        assert (found.answer, blamed_in(found)) == (Answer.BLAMED if blamed else Answer.NO_PACKAGE, blamed)

    def test_of_two_that_differ_alone_the_whole_departs_as_the_pair(self) -> None:
        whole = Part("all", run=numbers(wrong=True), members=("tensorflow", "keras"))
        packages = paired(numbers(wrong=False), numbers(wrong=False), None)[:2]
        assert blamed_in(blame_by_numbers(whole, packages, [], MARGINS)) == ("tensorflow+keras",)

    def test_a_pair_isn_t_blamed_before_its_members_were_compared(self) -> None:
        """The budget may leave one out, which may depart alone."""
        packages = paired(numbers(wrong=False), None, numbers(wrong=True))
        packages[1] = Part("keras")
        found = blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)
        assert (found.answer, blamed_in(found)) == (Answer.NOT_PROVEN, ())

    @pytest.mark.parametrize(("failure", "blamed"), [(CRASH, ("tensorflow+keras",)), (ENDED, ())])
    def test_a_pair_isn_t_blamed_where_the_oracle_failed_for_a_member(
        self, failure: Failure, blamed: tuple[str, ...]
    ) -> None:
        """It may depart alone. A member that crashes departs in nothing."""
        failed = dataclasses.replace(
            paired_run([]), oracle=(records()[0], dataclasses.replace(records()[0], failure=failure))
        )
        packages = paired(numbers(wrong=False), failed, numbers(wrong=True))
        packages[1] = dataclasses.replace(packages[1], problem=failure.message)
        assert blamed_in(blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)) == blamed

    def test_inconclusive_numbers_are_neither_right_nor_wrong(self) -> None:
        whole, right = Part("all", run=inconclusive()), Part("keras", run=numbers(wrong=False))
        found = blame_by_numbers(whole, [right], [], MARGINS)
        assert (found.answer, found.whole.measured, bool(found.whole.undecided)) == (Answer.NOT_PROVEN, False, True)
        packages = [Part("keras", run=inconclusive())]
        found = blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)
        assert (found.answer, blamed_in(found)) == (Answer.NOT_PROVEN, ())
        packages = [Part("keras", run=numbers(wrong=True))]
        assert blame_by_numbers(whole, packages, [], MARGINS).answer is Answer.BLAMED

    def test_a_pair_isn_t_blamed_beyond_a_member_whose_numbers_are_inconclusive(self) -> None:
        """They may be wrong with it alone."""
        packages = paired(numbers(wrong=False), inconclusive(), numbers(wrong=True))
        found = blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)
        assert (found.answer, blamed_in(found)) == (Answer.NOT_PROVEN, ())

    @pytest.mark.parametrize("wrong", [True, False])
    def test_parts_that_were_not_measured_prove_nothing(self, wrong: bool) -> None:
        interrupted = dataclasses.replace(numbers(wrong=False), incomplete="interrupted")
        for missing in (Part("keras"), Part("keras", run=interrupted)):
            found = blame_by_numbers(Part("all", run=numbers(wrong=wrong)), [missing], [], MARGINS)
            assert found.answer is (Answer.NOT_PROVEN if wrong else Answer.NO_CHANGE)
            assert blame_by_numbers(missing, [], [], MARGINS).answer is Answer.NOT_PROVEN
        alone = [Part("keras", run=numbers(wrong=False))]
        found = blame_by_numbers(Part("all", run=numbers(wrong=True)), alone, [Part("onednn")], MARGINS)
        assert found.answer is Answer.NO_PACKAGE


def test_a_failure_of_launches_or_of_numbers_is_told() -> None:
    assert failure_of(launches(0.1)) is None
    assert failure_of(paired_run([pair(0, failure=CRASH)])) is None  # is measured again
    assert failure_of(paired_run([pair(0, failure=CRASH)] * 2)) == CRASH
    failed = dataclasses.replace(records()[0], failure=CRASH)
    assert failure_of(dataclasses.replace(paired_run([]), oracle=(records()[0], failed))) == CRASH
    assert failure_of(dataclasses.replace(paired_run([]), lockstep_failure=CRASH)) == CRASH
