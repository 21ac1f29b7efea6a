"""The commands that measure a metric alone: the parser takes them, and every gating metric has one."""

import dataclasses
import shlex

import pytest

from bench.cli import command_parser
from bench.judge.paired_metrics import GATING
from bench.record.gate import GateRun
from bench.record.paired import PairedRun
from bench.report.again import NUMBERS, again, again_text
from tests.bench.report.samples import NEW, OLD, gate, gate_run, paired_run, upgrade
from tests.bench.samples import SUBJECT, TINY, environment, record, records, run

VARIABLES = {"TF_ENABLE_ONEDNN_OPTS": "0", "NAMED": "with a space"}


def commands(report: PairedRun | GateRun) -> dict[tuple[str, str], str]:
    return {(subject, metric): command for subject, metric, command in again(report)}


def everywhere_else() -> tuple[GateRun, PairedRun]:
    """A gate and an upgrade of nothing that is the command line's default, with variables that a shell must have quoted."""
    other = dataclasses.replace(SUBJECT, corpus="ptb", implementation="fused", device="gpu:0")

    def moved(paired: PairedRun) -> PairedRun:
        pairs = [
            dataclasses.replace(
                pair,
                **{
                    side: dataclasses.replace(getattr(pair, side), subject=other) for side in ("reference", "candidate")
                },
            )
            for pair in paired.pairs
        ]
        sides = {
            name: dataclasses.replace(getattr(paired, name), variables=VARIABLES) for name in ("reference", "candidate")
        }
        return dataclasses.replace(paired, pairs=tuple(pairs), **sides)

    measured = gate_run()
    (speed,) = measured.speed
    numbers = run([dataclasses.replace(each, subject=other) for each in records()])
    candidate = dataclasses.replace(measured.candidate, variables=VARIABLES)
    return dataclasses.replace(measured, candidate=candidate, numbers=numbers, speed=(moved(speed),)), moved(
        paired_run()
    )


@pytest.mark.parametrize(
    "report",
    [gate_run(), gate_run(speed=False), paired_run(), *everywhere_else()],
    ids=["gate", "numbers", "upgrade", "other gate", "other"],
)
def test_every_command_parses(report: PairedRun | GateRun) -> None:
    found = again(report)
    assert found
    for _, metric, command in found:
        program, *words = shlex.split(command)
        options = command_parser(words[0]).parse_args(words[1:])
        assert program == "tfgate"
        if words[0] == "gate":
            assert (metric, options.no_speed) == (NUMBERS, True)
        else:
            assert options.metric == ([] if options.numerics_only or options.speed_only else [metric])


def test_the_options_say_what_was_measured() -> None:
    gated, upgraded = (shlex.split(command)[1:] for command in (again(report)[0][2] for report in everywhere_else()))
    numbers, lockstep = (command_parser(words[0]).parse_args(words[1:]) for words in (gated, upgraded))
    assert lockstep.speed_only
    assert numbers.config == ["notebook"]
    assert lockstep.config == ["notebook"]
    for options in (numbers, lockstep):
        assert (options.corpus, options.implementation, options.device) == ("ptb", "fused", "gpu:0")
    variables = [("NAMED", "with a space"), ("TF_ENABLE_ONEDNN_OPTS", "0")]
    assert numbers.to_env == lockstep.from_env == lockstep.to_env == variables
    assert numbers.to_ == "/venv/bin/python"
    assert (lockstep.from_, lockstep.to_) == (OLD, NEW)


def test_every_gating_metric_of_a_gate_has_a_command() -> None:
    judged = gate()
    told = {(subject, name) for subject, metrics, _ in again(gate_run()) for name in metrics.split(", ")}
    gating = {(c.subject, c.metric.partition(" since ")[0]) for c in judged.verdict.comparisons if c.gates}
    assert gating <= told
    assert (TINY.name, "step time") not in told  # only numbers were measured of it


def test_every_gating_metric_of_an_upgrade_has_a_command() -> None:
    told = {name for _, metrics, _ in again(paired_run()) for name in metrics.split(", ")}
    assert {c.metric for c in upgrade().verdict.comparisons if c.gates} | set(GATING) <= told


def test_a_gate_s_perplexity_is_measured_by_the_gate() -> None:
    assert commands(gate_run())[(SUBJECT.name, NUMBERS)].startswith("tfgate gate --no-speed ")
    assert (SUBJECT.name, "perplexity") not in commands(gate_run())  # in turn it would be compared with something else
    assert commands(paired_run())[(SUBJECT.name, "perplexity")].endswith("--metric perplexity")


def test_a_terminal_is_told_once_for_all_metrics_measured_alike() -> None:
    assert again_text(gate_run()).splitlines() == [
        "To measure a metric alone again:",
        f"  tfgate gate --no-speed --to /venv/bin/python --config tiny  ({NUMBERS})",
        f"  tfgate gate --no-speed --to /venv/bin/python --config notebook  ({NUMBERS})",
        "  tfgate upgrade --from reference --to /venv/bin/python --config notebook --speed-only  (retraces, graph operations)",
        "  tfgate upgrade --from reference --to /venv/bin/python --config notebook --metric NAME",
    ]


def test_threads_are_named_where_they_are_fewer_than_cores() -> None:
    one = dataclasses.replace(record(), environment=environment(threads=1))
    gated = [dataclasses.replace(gate_run(), numbers=run([each])) for each in (record(), one)]
    default, alone = (again(each)[0][2] for each in gated)
    assert default.endswith(" --config notebook")
    assert alone.endswith(" --config notebook --threads 1")


def test_a_run_of_one_environment_has_none() -> None:
    assert again(run(records())) == []
    assert again_text(run(records())) == ""
