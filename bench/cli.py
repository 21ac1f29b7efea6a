"""The command line: what can be asked, and the exit code that answers. What a command does is in bench.commands."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import TypeAlias

from bench.record.lockstep import STEPS as LOCKSTEP_STEPS

EXIT_CODES = """\
exit codes:
  0 pass · 1 regression · 2 usage error · 3 cannot judge · 4 measurement failed"""


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; an error that a user can mend is one line on standard error."""
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    parser = build_parser()
    options = parser.parse_args(command_line)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    errors = importlib.import_module("bench.commands.errors")
    command = importlib.import_module(f"bench.commands.{options.command}")
    options.command_line = ("tfgate", *command_line)
    code: int = errors.guarded(command.main, options)
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="tfgate",
        description="Is this TensorFlow as correct and as fast as that one, on a stacked LSTM?",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    _add_gate_commands(commands)
    _add_report_commands(commands)
    _add_baseline_commands(commands)
    _add_upgrade_commands(commands)
    _add_training_commands(commands)
    _add_profile_command(commands)
    _add_hot_path_commands(commands)
    _add_machine_commands(commands)
    return parser


def _add_gate_commands(commands: Commands) -> None:
    """Measuring, and judging what was measured."""
    gate = commands.add_parser(
        "gate", help="judge a TensorFlow: its numbers by the baselines, its speed in turn with the reference"
    )
    _add_measuring(gate, launches=3)
    gate.add_argument(
        "--reference",
        metavar="WHAT",
        help="measure in turn with this, as `upgrade --from` takes it (default: the pinned environment)",
    )
    gate.add_argument(
        "--reference-env", action="append", default=[], metavar="NAME=VALUE", help="variable for it; may be repeated"
    )
    gate.add_argument(
        "--full", action="store_true", help="measure the speed of every configuration (default: of notebook)"
    )
    gate.add_argument(
        "--no-speed", action="store_true", help="numbers alone, so that the machine may do other work meanwhile"
    )
    gate.add_argument("--quick", action="store_true", help="the numbers of tiny alone, in under 90 seconds")
    gate.add_argument(
        "--gate-stored", action="store_true", help="words/s below the stored range fail: for a dedicated runner"
    )
    _add_judging(gate)

    run = commands.add_parser(
        "run", help="train the configurations to their pinned step counts, and keep what was measured"
    )
    _add_measuring(run, launches=4)
    run.add_argument(
        "--jitter", type=int, default=1000, metavar="N", help="jitter stream of the first launch (default: %(default)s)"
    )
    run.add_argument(
        "--no-speed", action="store_true", help="time nothing, so that the machine may do other work meanwhile"
    )
    run.add_argument("--json", action="store_true", help="print JSON")

    check = commands.add_parser("check", help="judge a stored report again, without TensorFlow")
    check.add_argument("report", metavar="REPORT", help="the folder or file of a gate, an upgrade, a run or micro")
    _add_judging(check)


def _add_upgrade_commands(commands: Commands) -> None:
    """Two environments against each other."""
    upgrade = commands.add_parser(
        "upgrade", help="compare two environments, both measured here and now: numbers, speed and memory"
    )
    sides = (("from", "from_", "the reference, which is trusted"), ("to", "to", "the candidate, which is judged"))
    for side, field, what in sides:
        upgrade.add_argument(
            f"--{side}",
            dest=field,
            required=True,
            metavar="WHAT",
            help=f"{what}: a version, requirements in quotes, a wheel, tf-nightly, an interpreter's path, or `reference`",
        )
        upgrade.add_argument(
            f"--{side}-env", action="append", default=[], metavar="NAME=VALUE", help="variable for it; may be repeated"
        )
    upgrade.add_argument(
        "--config", default="notebook", metavar="NAME", help="reference configuration (default: %(default)s)"
    )
    upgrade.add_argument(
        "--as-of",
        default="now",
        metavar="WHEN",
        help="read the package index up to: now, release, or a date (default: now)",
    )
    upgrade.add_argument(
        "--python", metavar="VERSION", help="Python of both environments, a version or a path (default: 3.11)"
    )
    upgrade.add_argument("--speed-only", action="store_true", help="leave out the oracle and lockstep")
    upgrade.add_argument(
        "--numerics-only", action="store_true", help="the oracle and lockstep alone; other jobs may run beside it"
    )
    upgrade.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="judge this one alone, such as 'step time'; may be repeated",
    )
    upgrade.add_argument("--output", metavar="DIR", help="where the run goes (default: reports/…)")
    upgrade.add_argument("--json", action="store_true", help="print JSON")
    _add_summary(upgrade)
    _add_model(upgrade)
    _add_baselines(upgrade)

    compare = commands.add_parser(
        "compare", help="compare two reports with one reference, or the pytest-benchmark files of two sides"
    )
    compare.add_argument(
        "reports",
        metavar="REPORT",
        nargs="*",
        help="what gate or upgrade wrote, two of it: the reference, then the candidate",
    )
    for side in ("reference", "candidate"):
        compare.add_argument(
            f"--{side}",
            nargs="+",
            metavar="FILE",
            help=f"pytest-benchmark's JSON of the {side}, one file a launch; four or more of each, as ABBABAAB",
        )
    compare.add_argument(
        "--gate", action="append", default=[], metavar="NAME", help="full name of a benchmark that gates (default: all)"
    )
    compare.add_argument(
        "--margin",
        type=float,
        metavar="FRACTION",
        help="slowdown of a step that matters (default: the margins file's, or 0.05)",
    )
    _add_baselines(compare)
    compare.add_argument("--json", action="store_true", help="print JSON")


def _add_report_commands(commands: Commands) -> None:
    """What runs hold, for people and for other programs."""
    report = commands.add_parser(
        "report", help="write what runs measured, and their verdicts, as a page that any browser opens"
    )
    report.add_argument("run", metavar="RUN", nargs="+", help="runs' folders, or their run.json")
    report.add_argument("--output", metavar="FILE", help="the page (default: report.html beside the first run)")
    report.add_argument("--markdown", metavar="FILE", help="also Markdown, for a pull request's comment")
    report.add_argument("--junit", metavar="FILE", help="also JUnit XML, a test case for each check")
    report.add_argument("--json", metavar="FILE", help="also the verdicts as JSON: docs/schema/report.schema.json")
    report.add_argument("--replace", action="store_true", help="replace files that exist")
    _add_summary(report)
    _add_baselines(report)

    export = commands.add_parser("export", help="a run's step times as pytest-benchmark's JSON")
    export.add_argument("run", metavar="RUN", help="a run's folder, or its run.json")
    export.add_argument("--output", metavar="FILE", help="where it goes (default: standard output)")

    history = commands.add_parser(
        "history",
        help="ratios to a reference over time: trends, changes of level, drift from an anchor (exit code 1: worse)",
    )
    history.add_argument(
        "folder", metavar="DIR", nargs="+", help="folders that hold reports of gate and upgrade, at any depth"
    )
    history.add_argument(
        "--anchor", metavar="REPORT", help="the report that drift is measured from (default: each metric's oldest)"
    )
    history.add_argument("--output", metavar="FILE", help="also a page with a plot for each metric")
    history.add_argument("--replace", action="store_true", help="replace the page if it exists")


def _add_baseline_commands(commands: Commands) -> None:
    """Making baselines, and looking into files."""
    record = commands.add_parser(
        "record", help="make baselines of runs that you trust, or accept what reports measured into the ledger"
    )
    record.add_argument("report", metavar="REPORT", nargs="+", help="folders of runs, or of gates, upgrades and micro")
    how = record.add_mutually_exclusive_group()
    how.add_argument("--replace", action="store_true", help="replace baselines that exist")
    how.add_argument("--add", action="store_true", help="add the runs to baselines that exist")
    record.add_argument(
        "--reason", default="", metavar="TEXT", help="why: kept in the file; needed for all but a first baseline"
    )
    record.add_argument(
        "--becomes-reference",
        action="store_true",
        help="the candidate is the reference from now on; older ratios are rebased",
    )
    record.add_argument(
        "--accept", metavar="METRIC", help="accept the reports' regressions of this metric, with --until and --link"
    )
    record.add_argument("--until", metavar="DATE", help="last day on which an accepted regression passes")
    record.add_argument("--link", metavar="URL", help="where an accepted regression is discussed")
    _add_baselines(record)

    show = commands.add_parser("show", help="what a run, a paired run or a baseline holds")
    show.add_argument("path", metavar="RUN|BASELINE", help="a run's folder, or a JSON file")
    show.add_argument("--json", action="store_true", help="print JSON")


def _add_training_commands(commands: Commands) -> None:
    """Full training, and steps in lockstep."""
    train = commands.add_parser(
        "train", help="train a configuration to the end, with validation, checkpoints and a final test"
    )
    _add_subject(train)
    train.add_argument("--config", required=True, metavar="NAME", help="reference configuration")
    train.add_argument(
        "--output", metavar="DIR", help="where the checkpoint and the result go (default: reports/train-…)"
    )
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")
    train.add_argument("--json", action="store_true", help="print the result as JSON")

    lockstep = commands.add_parser(
        "lockstep", help="compare two environments step by step, each step from the same weights"
    )
    _add_model(lockstep)
    for side, what in (("from", "the environment that is trusted"), ("to", "the environment that is judged")):
        lockstep.add_argument(f"--{side}-python", required=True, metavar="INTERPRETER", help=f"interpreter of {what}")
        lockstep.add_argument(
            f"--{side}-env", action="append", default=[], metavar="NAME=VALUE", help="variable for it; may be repeated"
        )
    lockstep.add_argument(
        "--config", default="tiny", metavar="NAME", help="reference configuration (default: %(default)s)"
    )
    lockstep.add_argument(
        "--steps",
        type=int,
        default=LOCKSTEP_STEPS,
        metavar="N",
        help="training steps to compare (default: %(default)s)",
    )
    lockstep.add_argument("--json", action="store_true", help="print JSON, every difference of every step in it")


def _add_profile_command(commands: Commands) -> None:
    """Explaining a step's time."""
    profile = commands.add_parser(
        "profile", help="show where a step's time goes; with two environments, what got slower"
    )
    profile.add_argument("--config", metavar="NAME", help="reference configuration")
    profile.add_argument(
        "--target", default="step", metavar="NAME", help="forward, gradient, clip or step (default: %(default)s)"
    )
    profile.add_argument(
        "--python", action="append", metavar="INTERPRETER", help="environment (default: this one); twice: compare them"
    )
    profile.add_argument(
        "--implementation", action="append", metavar="NAME", help="default: cells; twice: compare them"
    )
    profile.add_argument(
        "--compare",
        nargs=2,
        metavar=("REFERENCE", "CANDIDATE"),
        help="compare two stored profiles, and profile nothing",
    )
    profile.add_argument(
        "--steps", type=int, default=20, metavar="N", help="steps to record, and to time without (default: %(default)s)"
    )
    profile.add_argument(
        "--detail", action="store_true", help="record operations that TensorFlow calls inexpensive, too; slows the step"
    )
    _add_variables(profile)
    _add_data(profile)
    _add_device(profile)
    profile.add_argument("--output", metavar="DIR", help="where profile, dumps and pictures go (default: reports/…)")
    profile.add_argument("--json", action="store_true", help="print JSON")


def _add_hot_path_commands(commands: Commands) -> None:
    """Timing the parts of a step, and where its time goes."""
    micro = commands.add_parser(
        "micro", help="time the hot paths of an environment in turn with the reference's, in fresh processes"
    )
    micro.add_argument(
        "--python",
        default=sys.executable,
        metavar="INTERPRETER",
        help="the candidate's environment (default: this one)",
    )
    micro.add_argument(
        "--reference",
        metavar="WHAT",
        help="a version, requirements in quotes, a wheel or an interpreter's path (default: the baselines' pinned environment)",
    )
    for name, what in (
        ("config", "reference configuration (default: notebook)"),
        ("implementation", "implementation of the model (default: cells)"),
        ("device", "cpu:0 or gpu:0 (default: cpu:0)"),
        ("mode", "eager or graph (default: graph)"),
        ("target", "what is timed: forward, gradient, clip, update, step, … (default: the first three)"),
    ):
        micro.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=f"{what}; may be repeated")
    micro.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="variable for both sides; may be repeated"
    )
    micro.add_argument(
        "--require-gpu",
        action="store_true",
        help="fail where a GPU is missing, which is a skip otherwise; takes gpu:0 if no --device is one",
    )
    micro.add_argument(
        "--launches", type=int, metavar="N", help="fresh processes for each environment, at most (default: 12)"
    )
    micro.add_argument("--output", metavar="DIR", help="where the launches go (default: reports/…)")
    micro.add_argument("--json", action="store_true", help="print JSON")
    _add_baselines(micro)


def _add_machine_commands(commands: Commands) -> None:
    """The corpora, the environments and the machine."""
    data = commands.add_parser("data", help="make or verify a corpus")
    data.add_argument("--corpus", choices=("synthetic", "ptb"), default="ptb", help="default: %(default)s")
    data.add_argument(
        "--source", metavar="DIR|ARCHIVE|URL", help="where the PTB comes from (default: its public download address)"
    )
    data.add_argument("--directory", metavar="DIR", help="where to put it (default: TFGATE_DATA, or the user's cache)")
    data.add_argument("--json", action="store_true", help="print JSON")

    env = commands.add_parser("env", help="the environments that were built to be compared: list them, remove them")
    actions = env.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what there is, the most recently used first")
    listing.add_argument("--json", action="store_true", help="print JSON")
    remove = actions.add_parser("remove", help="remove some")
    remove.add_argument("name", metavar="NAME", nargs="*", help="as `tfgate env list` names them")
    remove.add_argument("--all", action="store_true", help="all of them")
    remove.add_argument("--keep-newest", type=int, metavar="N", help="all but the N that were used last")

    doctor = commands.add_parser("doctor", help="what this machine is, and what would disturb a measurement")
    doctor.add_argument(
        "--python", metavar="INTERPRETER", help="an environment to look at as well (default: the machine alone)"
    )
    doctor.add_argument("--require", choices=("gpu",), help="fail if it isn't there")
    doctor.add_argument("--json", action="store_true", help="print JSON")


def _add_measuring(parser: argparse.ArgumentParser, launches: int) -> None:
    _add_subject(parser)
    parser.add_argument(
        "--config",
        action="append",
        metavar="NAME",
        help="reference configuration; may be repeated (default: tiny, notebook, small)",
    )
    parser.add_argument(
        "--launches", type=int, metavar="N", help=f"fresh processes for each configuration (default: {launches})"
    )
    parser.add_argument("--output", metavar="DIR", help="where the run goes (default: reports/…)")


def _add_subject(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="INTERPRETER",
        help="interpreter of the environment to measure (default: this one)",
    )
    _add_variables(parser)


def _add_variables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="environment variable for the measured process; may be repeated",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--implementation", default="cells", metavar="NAME", help="default: %(default)s")
    _add_device(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", choices=("synthetic", "ptb"), default="synthetic", help="default: %(default)s")
    parser.add_argument(
        "--corpus-path",
        metavar="PATH",
        help="directory or archive of the PTB (default: PTB_ARCHIVE, or `tfgate data`'s)",
    )


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu:0", metavar="NAME", help="cpu:0 or gpu:0 (default: %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=0, metavar="N", help="TensorFlow's threads (default: as many as cores)"
    )


def _add_judging(parser: argparse.ArgumentParser) -> None:
    _add_baselines(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    _add_summary(parser)


def _add_summary(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--summary", action="store_true", help="append Markdown to the CI job's summary ($GITHUB_STEP_SUMMARY)"
    )


def _add_baselines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--baselines", metavar="DIR", help="default: the baselines beside this program")
