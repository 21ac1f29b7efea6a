"""The sides of a comparison, and the commands that repeat it."""

import dataclasses
from pathlib import Path

from bench.record.micro import Micro, read_launch
from bench.record.paired import Package
from bench.report import compared
from bench.report.judged import Judged
from tests.builders.launches import on_both
from tests.builders.micro import MICRO_RUN, STEP, write_launch
from tests.builders.records import MACHINE, SUBJECT, TINY, baseline, records, replica, run
from tests.builders.verdicts import DIGEST, NEW, OLD, gate, judged_run, paired_run, upgrade


def different(judged: Judged) -> dict[str, tuple[str, str]]:
    return {row.name: (row.reference, row.candidate) for row in compared.environments(judged.run) if row.differs}


def test_an_upgrade_s_differences() -> None:
    assert different(upgrade()) == {"asked for": (OLD, NEW), "TensorFlow": (OLD, NEW), "six": ("1.16.0", "1.17.0")}


def test_what_only_one_side_has_differs() -> None:
    run_ = paired_run()
    candidate = dataclasses.replace(run_.candidate, variables={"TF_ENABLE_ONEDNN_OPTS": "0"}, packages=())
    found = different(dataclasses.replace(upgrade(), run=dataclasses.replace(run_, candidate=candidate)))
    assert found["$TF_ENABLE_ONEDNN_OPTS"] == ("–", "0")
    assert found["absl-py"] == ("2.5.1", "–")


def test_a_package_that_one_side_lacks_is_not_installed_there() -> None:
    run_ = paired_run()
    kept = tuple(one for one in run_.candidate.packages if one.name != "absl-py")
    candidate = dataclasses.replace(run_.candidate, packages=kept)
    found = different(dataclasses.replace(upgrade(), run=dataclasses.replace(run_, candidate=candidate)))
    assert found["absl-py"] == ("2.5.1", compared.ABSENT)


def test_the_cpu_of_launches_on_one_core_is_told() -> None:
    run_ = paired_run()
    pinned = dataclasses.replace(run_, pairs=(dataclasses.replace(run_.pairs[0], core=3), *run_.pairs[1:]))
    told, untold = ({row.name: row.candidate for row in compared.properties(one)} for one in (pinned, run_))
    assert told == {**untold, "CPU of one-core launches": "3"}


def test_micro_tells_how_tensorflow_ran(tmp_path: Path) -> None:
    """As long as nothing was measured, only what was asked for; a variable of both sides is no difference."""
    shell = {"LD_PRELOAD": "fast.so"}
    told = ({"variables": shell}, {"variables": {**shell, "OMP_NUM_THREADS": "1"}, "threads": 1, "onednn": False})
    sides = [[read_launch(write_launch(tmp_path / f"{len(each)}.json", {STEP: 0.06}, **each))] for each in told]
    found = {row.name: (row.reference, row.candidate) for row in compared.properties(Micro(MICRO_RUN, *sides))}
    asked = {row.name: (row.reference, row.candidate) for row in compared.properties(Micro(MICRO_RUN, [], []))}
    assert asked == {"asked for": ("reference", "new/bin/python")}
    assert found == {
        **asked,
        "oneDNN": ("on", "off"),
        "threads": ("2", "1"),
        "$LD_PRELOAD": ("fast.so", "fast.so"),
        "$OMP_NUM_THREADS": ("–", "1"),
    }


def test_an_upgrade_s_perplexity_rests_on_no_baseline() -> None:
    stored = dataclasses.replace(upgrade(), baselines=gate().baselines)
    assert compared.replicas(stored) == []


def test_packages_whose_names_begin_alike_are_packages_of_their_own() -> None:
    """TensorFlow, Keras and NumPy are properties of the environment, keras-hub and tensorflow-io are not."""
    names = ("keras", "keras-hub", "numpy", "numpydoc", "tensorflow-cpu", "tensorflow-io")
    run_ = paired_run()
    reference = dataclasses.replace(run_.reference, packages=tuple(Package(name, "1.0") for name in names))
    candidate = dataclasses.replace(run_.candidate, packages=tuple(Package(name, "2.0") for name in names))
    changed = dataclasses.replace(run_, reference=reference, candidate=candidate)
    found = different(dataclasses.replace(upgrade(), run=changed))
    assert found.keys() & set(names) == {"keras-hub", "numpydoc", "tensorflow-io"}


def test_a_gate_s_differences_are_to_the_reference() -> None:
    assert different(gate()) == {
        "asked for": ("reference", "/venv/bin/python"),
        "index as of": ("2026-01-01T00:00:00Z", "–"),
        "TensorFlow": (OLD, NEW),
        "six": ("1.16.0", "1.17.0"),
    }


def test_without_speed_there_is_no_reference_but_the_replicas() -> None:
    judged = gate(speed=False)
    assert {row.reference for row in compared.environments(judged.run)} == {"–"}
    assert different(judged) == {}
    assert compared.replicas(judged)[0] == "TensorFlow 2.12.1 oneDNN on, 2 threads"


def test_locks_have_hashes_apart() -> None:
    reference, candidate = compared.locks(upgrade().run)
    hashed = [f"absl-py==2.5.1 --hash={DIGEST}", f"six==1.16.0 --hash={DIGEST}"]
    assert reference == compared.Packages("reference", ["absl-py==2.5.1", "six==1.16.0"], hashed)
    assert (candidate.side, candidate.lines) == ("candidate", ["absl-py==2.5.1", "six==1.17.0"])


def test_packages_without_hashes_are_told_once() -> None:
    bare = dataclasses.replace(paired_run().reference, packages=(Package("six", "1.16.0"),))
    reference, _ = compared.locks(dataclasses.replace(paired_run(), reference=bare))
    assert (reference.lines, reference.hashed) == (["six==1.16.0"], [])


def test_an_interpreter_that_was_there_tells_its_versions() -> None:
    measured = run(records())
    (told,) = compared.locks(measured)
    assert (told.side, told.hashed) == ("candidate", [])
    assert told.lines == ["tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy==2.4.0"]


def test_baselines_of_what_was_not_measured_have_no_part_in_it() -> None:
    other = baseline(tuple(replica(5.0, "2.13.0") for _ in range(4)), subject=TINY)
    alone, both = (judged_run(run(records()), *of) for of in ([baseline()], [other, baseline()]))
    assert compared.replicas(both) == compared.replicas(alone)
    changed = baseline(subject=dataclasses.replace(SUBJECT, fingerprint="f" * 16))
    assert compared.replicas(dataclasses.replace(alone, baselines={SUBJECT.name: changed})) == []
    assert compared.environments(both.run) == compared.environments(alone.run)


def test_machines_are_told_once_in_words_that_differ() -> None:
    """Two that differ in memory alone read alike; numbers alone have a machine, too."""
    more = dataclasses.replace(MACHINE, memory_gib=MACHINE.memory_gib + 1)
    other = dataclasses.replace(MACHINE, cores=4, gpu="A GPU")
    made = [
        on_both(one, machine=at) for one, at in zip(paired_run(launches=3).pairs, (MACHINE, more, other), strict=True)
    ]
    assert compared.hosts(dataclasses.replace(paired_run(), pairs=tuple(made), oracle=())) == [
        f"{MACHINE.cpu_model}, 2 cores",
        f"{MACHINE.cpu_model}, 4 cores, A GPU",
    ]
    assert compared.hosts(dataclasses.replace(paired_run(), pairs=())) == [f"{MACHINE.cpu_model}, 2 cores"]
    assert compared.hosts(dataclasses.replace(paired_run(), pairs=(), oracle=())) == []
    assert compared.hosts(Micro(MICRO_RUN, [], [])) == [
        f"{MICRO_RUN.machine.cpu_model}, {MICRO_RUN.machine.cores} cores"
    ]
