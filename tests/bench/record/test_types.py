"""Properties that the types compute themselves."""

import dataclasses

import pytest

from bench.record.types import CASE, OWN, REPEAT, STEP, STRESS, Machine, NumericError, Run, Subject


def test_the_fingerprint_of_a_machine_is_stable(run: Run) -> None:
    """The first 12 digits of sha256(b"('A CPU', 2, 'x86_64 avx2', 16, 'A GPU', '550.1')"), by sha256sum."""
    assert run.records[0].machine.fingerprint() == "0e0ad5f6217f"


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Machine)])
def test_machines_that_differ_in_anything_have_other_fingerprints(run: Run, field: str) -> None:
    machine = run.records[0].machine
    other = dataclasses.replace(machine, **{field: getattr(machine, field) * 2})
    assert other.fingerprint() != machine.fingerprint()


def test_the_types_are_frozen(run: Run) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.schema = 2  # type: ignore[misc]  # what the test is about


def test_a_subject_is_named_by_its_workload_unless_it_is_the_default() -> None:
    subject = Subject("tiny", "", "", "cpu:0", "0123456789abcdef", 1, 10, 80, "masked", ("step time",))
    assert subject.name == "masked-tiny-cpu0"
    assert (subject.tells("step time"), subject.tells("perplexity")) == (True, False)
    default = Subject("tiny", "synthetic", "cells", "cpu:0", "0123456789abcdef", 1, 10, 80)
    assert (default.name, default.workload) == ("tiny-synthetic-cells-cpu0", "train")
    assert default.tells("perplexity")


@pytest.mark.parametrize(
    ("source", "case", "quantity", "label"),
    [
        (STEP, "", "gradient", "gradient"),
        (REPEAT, "", "", "repeat"),
        (STRESS, "large logits, small", "loss", "stress large logits, small: loss"),
        (CASE, "given .keras", "file", "answer given .keras: file"),
        (OWN, "", "update after 2", "answer update after 2"),
    ],
)
def test_an_error_is_labelled_by_where_it_was_found(source: str, case: str, quantity: str, label: str) -> None:
    error = NumericError(0, quantity, "embedding", 0.0, 0.0, source=source, case=case)
    assert (error.label, error.is_answer) == (label, source in (CASE, OWN))
