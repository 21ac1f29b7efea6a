"""The commands that measure a metric alone: the parser takes them, and every gating metric has one."""

import dataclasses
import itertools
import shlex

import pytest

from bench.cli import command_parser
from bench.judge.metrics import GPU_MEMORY, NAMES, ONE_CORE_STEP_TIME, PERPLEXITY, STEP_TIME
from bench.record.gate import GateRun
from bench.record.paired import PairedRun
from bench.record.types import OF_SOME
from bench.report.again import NUMBERS, again, again_text
from tests.builders.launches import on_both
from tests.builders.records import SUBJECT, TINY, environment, record, records, run
from tests.builders.verdicts import NEW, OLD, gate, gate_run, paired_run, upgrade

VARIABLES = {"TF_ENABLE_ONEDNN_OPTS": "0", "NAMED": "with a space"}


def commands(report: PairedRun | GateRun) -> dict[tuple[str, str], str]:
    return {(each.subject, metric): each.command for each in again(report) for metric in each.metrics}


def everywhere_else() -> tuple[GateRun, PairedRun]:
    """A gate and an upgrade without any default of the command line, with variables that a shell must have quoted."""
    other = dataclasses.replace(SUBJECT, corpus="ptb", implementation="fused", device="gpu:0")

    def moved(paired: PairedRun) -> PairedRun:
        pairs = tuple(on_both(pair, subject=other) for pair in paired.pairs)
        sides = {
            name: dataclasses.replace(getattr(paired, name), variables=VARIABLES) for name in ("reference", "candidate")
        }
        return dataclasses.replace(paired, pairs=pairs, **sides)

    measured = gate_run()
    (speed,) = measured.speed
    numbers = run([dataclasses.replace(each, subject=other) for each in records()])
    candidate = dataclasses.replace(measured.candidate, variables=VARIABLES)
    return dataclasses.replace(measured, candidate=candidate, numbers=numbers, speed=(moved(speed),)), moved(
        paired_run()
    )


def own(report: PairedRun | GateRun) -> PairedRun | GateRun:
    """The report of a user's own model, by a command that names its file."""
    subject = dataclasses.replace(SUBJECT, config="own", corpus="", implementation="", workload="mine.py")
    numbers = run([dataclasses.replace(each, subject=subject) for each in records()])
    of_speed = {"pairs": tuple(on_both(one, subject=subject) for one in paired_run().pairs), "oracle": ()}
    found = {"numbers": numbers, "speed": ()} if isinstance(report, GateRun) else of_speed
    command = ("tfgate", "upgrade", "--workload", "train", "--workload", "./models/mine.py")
    return dataclasses.replace(report, command=command, **found)


def asked(*words: str) -> PairedRun:
    """An upgrade on the PTB, by a command with these options."""
    subject = dataclasses.replace(SUBJECT, corpus="ptb")
    pairs = tuple(on_both(one, subject=subject) for one in paired_run().pairs)
    return dataclasses.replace(paired_run(), pairs=pairs, oracle=(), command=("tfgate", "upgrade", *words))


OTHER_GATE, OTHER_UPGRADE = everywhere_else()
PLACES = ("--corpus-path=/data/simple examples.tgz", "--as-of", "now", "--python-version", "3.12")


@pytest.mark.parametrize(
    "report",
    [
        gate_run(),
        gate_run(speed=False),
        OTHER_GATE,
        paired_run(),
        OTHER_UPGRADE,
        own(gate_run()),
        own(paired_run()),
        asked(*PLACES),
        asked("--as-of", "release"),
    ],
    ids=["gate", "numbers", "other gate", "upgrade", "other upgrade", "own gate", "own upgrade", "places", "release"],
)
def test_every_command_parses(report: PairedRun | GateRun) -> None:
    found = again(report)
    assert found
    for each in found:
        program, *words = shlex.split(each.command)
        options = command_parser(words[0]).parse_args(words[1:])
        assert program == "tfgate"
        if words[0] == "gate":
            assert (each.metrics, options.no_speed) == (NUMBERS, True)
        else:
            assert options.metric == ([] if options.numerics_only or options.speed_only else [each.named])


def test_the_options_say_what_was_measured() -> None:
    numbers, speed = (again(report)[0].words for report in everywhere_else())
    assert "--speed-only" in speed
    for words in (numbers, speed):
        told = dict(itertools.pairwise(words))
        wanted = {"--config": "notebook", "--corpus": "ptb", "--implementation": "fused", "--device": "gpu:0"}
        assert wanted.items() <= told.items()
        variables = [value for option, value in itertools.pairwise(words) if option == "--to-env"]
        assert variables == ["NAMED=with a space", "TF_ENABLE_ONEDNN_OPTS=0"]
    assert dict(itertools.pairwise(numbers))["--to"] == "/venv/bin/python"
    assert [dict(itertools.pairwise(speed))[side] for side in ("--from", "--to")] == [OLD, NEW]


@pytest.mark.parametrize("report", [own(gate_run()), own(paired_run())], ids=["gate", "upgrade"])
def test_a_user_s_own_model_is_named_by_its_path_and_has_no_configuration(report: PairedRun | GateRun) -> None:
    words = again(report)[0].words
    assert dict(itertools.pairwise(words))["--workload"] == "./models/mine.py"
    assert "--config" not in words


def test_environments_and_the_corpus_are_those_of_then() -> None:
    """The moment is the report's own, since the command may have meant its present, and "release" is none."""
    told = dict(itertools.pairwise(again(asked(*PLACES))[0].words))
    wanted = {"--as-of": "2026-01-01T00:00:00Z", "--corpus-path": "/data/simple examples.tgz"}
    assert {**wanted, "--python-version": "3.12"}.items() <= told.items()
    assert dict(itertools.pairwise(again(asked("--as-of=release"))[0].words))["--as-of"] == "release"
    interpreters = [dataclasses.replace(each, as_of="") for each in (paired_run().reference, paired_run().candidate)]
    built = dataclasses.replace(asked(*PLACES), reference=interpreters[0], candidate=interpreters[1])
    assert not {"--as-of", "--python-version"} & {*again(built)[0].words}


def test_every_gating_metric_of_a_gate_has_a_command() -> None:
    judged = gate()
    told = set(commands(gate_run()))
    gating = {(one.subject, one.metric.name) for one in judged.verdict.comparisons if one.metric.gates}
    since = {(SUBJECT.name, f"{STEP_TIME} since {OLD}")}  # of the same launches
    assert gating - since <= told
    assert (TINY.name, STEP_TIME) not in told  # only numbers were measured of it


def test_every_gating_metric_of_an_upgrade_has_a_command() -> None:
    told = {name for each in again(paired_run()) for name in each.metrics}
    told_by_training = {*NAMES} - {*OF_SOME, GPU_MEMORY}
    assert {one.metric.name for one in upgrade().verdict.comparisons if one.metric.gates} | told_by_training <= told


@pytest.mark.parametrize(
    ("report", "untold"), [(paired_run(), GPU_MEMORY), (OTHER_UPGRADE, ONE_CORE_STEP_TIME)], ids=["cpu", "gpu"]
)
def test_a_metric_that_a_device_does_not_tell_has_no_command(report: PairedRun, untold: str) -> None:
    told = {name for each in again(report) for name in each.metrics}
    assert {GPU_MEMORY, ONE_CORE_STEP_TIME} - told == {untold}


def test_a_gate_s_perplexity_is_measured_by_the_gate() -> None:
    assert commands(gate_run())[(SUBJECT.name, "numerics")].startswith("tfgate gate --no-speed ")
    named = [each.named for each in again(gate_run())]
    assert PERPLEXITY not in named  # in turn it would be compared with something else
    assert commands(paired_run())[(SUBJECT.name, PERPLEXITY)].endswith(f"--metric {PERPLEXITY}")


def test_a_terminal_is_told_once_for_all_metrics_measured_alike() -> None:
    upgrade = "upgrade --from reference --to /venv/bin/python --as-of 2026-01-01T00:00:00Z --config notebook"
    assert again_text(gate_run()).splitlines() == [
        "To measure a metric alone again:",
        f"  tfgate gate --no-speed --to /venv/bin/python --config tiny  ({', '.join(NUMBERS)})",
        f"  tfgate gate --no-speed --to /venv/bin/python --config notebook  ({', '.join(NUMBERS)})",
        f"  tfgate {upgrade} --speed-only  (retraces, graph operations)",
        f"  tfgate {upgrade} --metric NAME",
    ]


@pytest.mark.parametrize("report", [gate_run(), paired_run()], ids=["gate", "upgrade"])
def test_further_options_are_in_every_command(report: PairedRun | GateRun) -> None:
    for each in again(report, ("--baselines", "my own")):
        words = shlex.split(each.command)
        assert command_parser(words[1]).parse_args(words[2:]).baselines == "my own"
    assert again_text(report, ("--baselines", "x")).count(" --baselines x") == len(again_text(report).splitlines()) - 1


def test_threads_are_named_where_they_are_fewer_than_cores() -> None:
    one = dataclasses.replace(record(), environment=environment(threads=1))
    gated = [dataclasses.replace(gate_run(), numbers=run([each])) for each in (record(), one)]
    default, alone = (again(each)[0].command for each in gated)
    assert default.endswith(" --config notebook")
    assert alone.endswith(" --config notebook --threads 1")


def test_a_run_of_one_environment_has_none() -> None:
    assert again(run(records())) == []
    assert again_text(run(records())) == ""
