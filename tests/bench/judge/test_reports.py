"""The runs in turn of gates and upgrades, and equal references."""

import dataclasses

from bench.judge.reports import paired_runs, records_by_subject, reference_label, subject_of
from tests.builders.launches import launches, lockstep
from tests.builders.paired import paired_run
from tests.builders.records import SUBJECT, TINY, record, run
from tests.builders.reports import OTHER_REFERENCE, REFERENCE_SIDE, gate_report, paired_report, pairs


def test_both_kinds_of_report_are_paired_runs() -> None:
    one, other = paired_report(pairs()), paired_report(pairs(shift=1))
    assert paired_runs(one) == (one,)
    assert paired_runs(gate_report([one, other])) == (one, other)
    assert paired_runs(gate_report([])) == ()
    assert paired_runs(run([record()])) == ()


def test_equal_packages_and_variables_make_one_reference() -> None:
    elsewhere = dataclasses.replace(REFERENCE_SIDE, requested="2.20.0", interpreter="/other/bin/python")
    told = dataclasses.replace(REFERENCE_SIDE, variables={"TF_ENABLE_ONEDNN_OPTS": "0"})
    one, same, other, without = (
        reference_label(paired_report(pairs(), reference=side))
        for side in (REFERENCE_SIDE, elsewhere, OTHER_REFERENCE, told)
    )
    assert one == same == f"TensorFlow 2.20.0 ({REFERENCE_SIDE.identity})"
    assert other == f"TensorFlow 2.20.0 ({OTHER_REFERENCE.identity})" != one
    assert without == f"TensorFlow 2.20.0 ({REFERENCE_SIDE.identity} TF_ENABLE_ONEDNN_OPTS=0)"


def test_what_was_measured_is_told_by_whatever_was() -> None:
    stepped = dataclasses.replace(paired_run([]), lockstep=lockstep())
    for one in (paired_run(launches(1)), paired_run([], [record(), record()]), stepped):
        assert subject_of(one) == SUBJECT.name
    assert subject_of(paired_run([])) == "nothing"


def test_records_by_subject_keep_the_order_of_the_first() -> None:
    one, two, three = record(), record(subject=TINY), record(launch=1)
    assert records_by_subject([one, two, three]) == {SUBJECT.name: [one, three], TINY.name: [two]}
