"""Groups of options that several commands share, each with the type that is made of it.

A wrong word is refused by its option's `type` or `choices`, whose message names the option; what takes a look at the
machine, or at two options together, is refused when a request is made. Both happen before anything is measured.
"""

import argparse
import contextlib
import dataclasses
import datetime
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bench.commands.stored import baselines_folder
from bench.commands.usage import UsageError
from bench.drive.plan import Plan
from bench.judge.metrics import PERPLEXITY
from bench.machine import available_gib
from bench.record.types import DEFAULT_WORKLOAD
from lm.config import CONFIGS, DEVICE, IMPLEMENTATIONS, LAUNCH_PLANS, OWN, config_by_name
from lm.data.corpus import CORPORA
from lm.data.load import load_corpus
from lm.workloads.registry import is_path, names, require_name, workload

IMPLEMENTATION = "cells"  # where none is asked for
EVERY = "all"  # workloads
REPEATED = "; may be repeated"
GATE_CONFIGS = tuple(name for name, launch in LAUNCH_PLANS.items() if launch.gated)
BUDGET_MINUTES = 15.0  # of a configuration's launches in turn
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class ModelRequest:
    """The configurations, the corpus, the implementation and the device of trainings."""

    configs: tuple[str, ...]
    corpus: str
    corpus_path: str | None
    implementation: str
    device: str
    threads: int  # 0: as many as cores
    workloads: tuple[str, ...]

    @property
    def gpu(self) -> bool:
        """Tells whether it is trained on a GPU."""
        return self.device.startswith("gpu")

    def plans(self, *, speed: bool = True) -> list[Plan]:
        """Returns what each workload's launches do in each configuration that it has.

        Raises CorpusError for a corpus that can't be had.
        """
        made = []
        for name in self.workloads:
            found = workload(name)
            own = OWN.name in found.plans
            for config in [OWN.name] if own else [one for one in self.configs if one in found.plans]:
                trained = not found.cases
                if trained:
                    path = Path(self.corpus_path) if self.corpus_path else None
                    load_corpus(self.corpus, config_by_name(config), path)
                plan = Plan(
                    config,
                    found.plans[config].steps,
                    *((self.corpus, self.corpus_path, self.implementation) if trained else ("", None, "")),
                    device=self.device,
                    threads=self.threads,
                    speed=speed,
                    workload=name,
                    answers=not trained,
                    one_launch=bool(found.metrics) and PERPLEXITY not in found.metrics,
                    variables=tuple(found.variables.items()),
                    fingerprint=getattr(found, "fingerprint", ""),
                )
                made.append(plan)
        return made

    def folder(self, output: Path, name: str) -> Path:
        """Returns the folder of a plan's files: one of its own below `output` where it is one of several."""
        return output / name if len(self.configs) * len(self.workloads) > 1 else output


@dataclasses.dataclass(frozen=True)
class SideRequest:
    """An environment: what was asked for, and the variables that its processes get."""

    what: str
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Telling:
    """The baselines that a verdict rests on, and its form."""

    baselines: Path  # the folder by which reports are judged
    json: bool
    summary: bool  # append Markdown to the CI job's summary
    verbose: bool  # every reason, the environments and the precision, too


def at_least(least: int) -> Callable[[str], int]:
    """Returns an argparse type for integers of at least `least`."""

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too small; it must be at least {least}")
        return value

    return integer


def below(limit: float, what: str) -> Callable[[str], float]:
    """Returns an argparse type for numbers above 0 and below `limit`."""

    def number(text: str) -> float:
        with contextlib.suppress(ValueError):
            if 0 < (value := float(text)) < limit:
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")

    return number


fraction = below(1, "a fraction above 0 and below 1")
minutes = below(1e6, "a number of minutes above 0 and below 1,000,000")

SHARED: dict[str, dict[str, Any]] = {
    "margin": {
        "type": fraction,
        "metavar": "FRACTION",
        "help": "how much slower a step may be, on all cores and on one, such as 0.03 (default: the margins file's)",
    },
    "resume": {"action": "store_true", "help": "continue from the launches that are kept in the --output folder"},
    "replace": {"action": "store_true", "help": "replace files that exist"},
    "baselines": {
        "metavar": "DIR",
        "help": "folder of the baselines, the margins and the ledger (default: tfgate's own)",
    },
    "json": {"action": "store_true", "help": "print the answer as JSON"},
    "summary": {"action": "store_true", "help": "append Markdown to the CI job's summary ($GITHUB_STEP_SUMMARY)"},
    "verbose": {"action": "store_true", "help": "print every reason, the environments and the precision, too"},
    "quiet": {"action": "store_true", "help": "print no progress on standard error, only the answer"},
}


def add_shared(parser: argparse.ArgumentParser, *names: str) -> None:
    """Adds the options of these names, which SHARED describes, in this order."""
    for name in names:
        parser.add_argument(f"--{name}", **SHARED[name])


def told(read: Callable[[str], T]) -> Callable[[str], T]:
    """Returns an argparse type that keeps the message of `read`'s ValueError, which argparse would leave out."""

    def typed(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def device(text: str) -> str:
    """Reads a device's name."""
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device's name, such as cpu:0 or gpu:0")
    return text


def variable(text: str) -> tuple[str, str]:
    """Reads NAME=VALUE."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def add_model(parser: argparse.ArgumentParser, configs: Sequence[str], *, several: bool = True) -> None:
    """Adds what ModelRequest holds, of one configuration or `several`."""
    add_all_but_implementation(parser, configs, several=several)
    parser.add_argument(
        "--implementation",
        choices=IMPLEMENTATIONS,
        default=IMPLEMENTATION,
        metavar="NAME",
        help=f"implementation of the model: {', '.join(IMPLEMENTATIONS)} (default: %(default)s)",
    )


def add_workload(parser: argparse.ArgumentParser, *, several: bool = True, among: Sequence[str] = ()) -> None:
    """Adds --workload, of which a command takes several or one. `among`: the only names that it takes, if not all."""
    every = f"{EVERY}, for each that has the configuration; " if several else ""
    others = f"; {every}or the path of your own model's file, such as ./mine.py"
    parser.add_argument(
        "--workload",
        action="append",
        type=told(known_workload),
        metavar="NAME",
        help=f"{', '.join(among or names())}{'' if among else others}{REPEATED if several else ''} "
        f"(default: {DEFAULT_WORKLOAD})",
    )


def known_workload(text: str) -> str:
    """Reads a workload's name, or the path of a user's own file, which comes out absolute and is read later.

    Raises ConfigError for an unknown name.
    """
    if is_path(text):
        return os.path.abspath(text)
    if text != EVERY:
        require_name(text)
    return text


def add_all_but_implementation(
    parser: argparse.ArgumentParser, configs: Sequence[str], *, several: bool = True
) -> None:
    """Adds what ModelRequest holds, for a command that takes several implementations."""
    add_config(parser, configs, several=several)
    parser.add_argument(
        "--corpus",
        choices=CORPORA,
        default="synthetic",
        help="text that the model is trained on (default: %(default)s)",
    )
    parser.add_argument(
        "--corpus-path",
        metavar="PATH",
        help="directory or archive of the PTB (default: PTB_ARCHIVE, or `tfgate data`'s)",
    )
    parser.add_argument(
        "--device", type=device, default="cpu:0", metavar="NAME", help="cpu:0 or gpu:0 (default: %(default)s)"
    )
    parser.add_argument(
        "--threads",
        type=at_least(0),
        default=0,
        metavar="N",
        help="TensorFlow's threads (default: 0, as many as cores)",
    )


def add_config(parser: argparse.ArgumentParser, configs: Sequence[str], *, several: bool = True) -> None:
    """Adds --config with its default, of which a command takes several or one; required where there is no default."""
    parser.add_argument(
        "--config",
        action="append",
        choices=tuple(CONFIGS),
        required=not configs,
        metavar="NAME",
        help=f"configuration: {', '.join(CONFIGS)}{REPEATED if several else ''}"
        + (f" (default: {', '.join(configs)})" if configs else ""),
    )


def model_request(
    options: argparse.Namespace, configs: Sequence[str], implementation: str | None = None
) -> ModelRequest:
    """Makes the request of add_model's options, of `configs` unless some are named; each is measured once.

    Raises UsageError as `chosen_workloads` does.
    """
    return ModelRequest(
        tuple(dict.fromkeys(options.config or configs)),
        options.corpus,
        options.corpus_path,
        implementation or options.implementation,
        options.device,
        options.threads,
        chosen_workloads(options, configs),
    )


def chosen_workloads(options: argparse.Namespace, configs: Sequence[str]) -> tuple[str, ...]:
    """Returns the workloads of add_workload's and add_config's options, the default one where none is named.

    Raises UsageError for a workload that has none of the configurations, or not one that was named, or that lacks the
    memory, and for two files of one name.
    """
    asked = getattr(options, "workload", None) or (DEFAULT_WORKLOAD,)
    known = names() if EVERY in asked else ()  # to look at one imports it
    running = [name for name in known if any(one in workload(name).plans for one in options.config or configs)]
    workloads = tuple(dict.fromkeys(name for one in asked for name in (running if one == EVERY else (one,))))
    for name in [name for name in workloads if name in asked]:
        has = workload(name).plans
        if OWN.name in has:
            if options.config and len(workloads) == 1:
                raise UsageError(f"{Path(name).name} defines its own configuration: leave out --config")
            continue
        lacking = [config for config in options.config or () if config not in has]
        if lacking or not any(config in has for config in options.config or configs):
            wanted = " or ".join(lacking or configs)
            raise UsageError(f"workload {name} has no configuration {wanted}; it has {', '.join(has)}")
    files = [Path(name).name for name in workloads]
    if twice := next((file for file in files if files.count(file) > 1), None):
        raise UsageError(
            f"two files are called {twice}, by which reports name them: rename one, or give it a command of its own"
        )
    for name in workloads:
        needed, free = workload(name).memory_gib, available_gib()
        if free < needed:
            raise UsageError(
                f"workload {name} needs {needed} GiB of memory, and {free:.1f} GiB are free: stop other programs"
            )
    return workloads


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Adds --python and --env, of a command with one side."""
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="INTERPRETER",
        help="interpreter of the environment to measure (default: this one)",
    )
    parser.add_argument(
        "--env",
        action="append",
        type=variable,
        default=[],
        metavar="NAME=VALUE",
        help="environment variable for the measured process; may be repeated",
    )


def environment_request(options: argparse.Namespace) -> SideRequest:
    """Makes the request of add_environment's options."""
    return SideRequest(options.python, dict(options.env))


def add_launches(parser: argparse.ArgumentParser, default: int, what: str, least: int = 1) -> None:
    """Adds --launches."""
    parser.add_argument(
        "--launches", type=at_least(least), default=default, metavar="N", help=f"{what} (default: %(default)s)"
    )


def add_budget(
    parser: argparse.ArgumentParser,
    default: float = BUDGET_MINUTES,
    what: str = "minutes that the launches of one workload in one configuration may take",
) -> None:
    """Adds --budget."""
    parser.add_argument(
        "--budget", type=minutes, default=default, metavar="MINUTES", help=f"{what} (default: %(default)g)"
    )


def add_parts(parser: argparse.ArgumentParser) -> None:
    """Adds --speed-only and --numerics-only, which exclude each other."""
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--speed-only", action="store_true", help="measure speed and memory alone, not the numbers")
    part.add_argument(
        "--numerics-only",
        action="store_true",
        help="compare numbers alone (oracle and lockstep); other jobs may run concurrently",
    )


def add_output(parser: argparse.ArgumentParser, default: str = "reports/TIME-COMMAND") -> None:
    """Adds --output."""
    parser.add_argument("--output", metavar="DIR", help=f"the folder of the command's files (default: {default})")


def output_folder(options: argparse.Namespace, name: str) -> Path:
    """Returns the --output folder, or one under reports/ named by the time."""
    if options.output:
        return Path(options.output)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("reports") / f"{stamp}-{name}"


def margin_request(options: argparse.Namespace, *, timed: bool) -> float | None:
    """Returns --margin; None: those of the margins file. Raises UsageError where no step is timed."""
    margin: float | None = options.margin
    if margin and not timed:
        raise UsageError("--margin is of step times, which are not measured here: leave it out")
    return margin


def telling(options: argparse.Namespace) -> Telling:
    """Makes the request of --baselines, --json, --summary and --verbose; without one of the last two it is False.

    Raises UsageError for a folder that isn't there.
    """
    summary, verbose = (getattr(options, name, False) for name in ("summary", "verbose"))
    return Telling(baselines_folder(options.baselines), options.json, summary, verbose)
