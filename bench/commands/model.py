"""The model that is measured: the options that choose workload, configuration, corpus, implementation and device, and
the request and the plans that are made of them.
"""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from bench.commands.options import at_least, keeping_message
from bench.commands.usage import UsageError
from bench.drive.plan import Plan
from bench.judge.metrics import PERPLEXITY
from bench.machine import available_gib
from bench.record.types import DEFAULT_WORKLOAD
from lm.config import CONFIGS, DEVICE, IMPLEMENTATIONS, LAUNCH_PLANS, OWN, config_by_name
from lm.data.corpus import CORPORA
from lm.data.load import load_corpus
from lm.data.ptb import locate
from lm.workloads.registry import is_path, names, require_name, workload

IMPLEMENTATION = "cells"  # where none is asked for
UNTIMED_GIB = 2  # memory for a launch or a comparison, of a gate's own, that times nothing: 1.3 for `notebook`
EVERY = "all"  # workloads
REPEATED = "; may be repeated"
GATE_CONFIGS = tuple(name for name, launch in LAUNCH_PLANS.items() if launch.gated)


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
                path = Path(self.corpus_path) if self.corpus_path else None
                if trained:
                    if self.corpus == "ptb":
                        path = locate(path).absolute()  # workers run in folders of their own
                    load_corpus(self.corpus, config_by_name(config), path)
                plan = Plan(
                    config,
                    found.plans[config].steps,
                    corpus=self.corpus if trained else "",
                    corpus_path=str(path) if trained and path else None,
                    implementation=self.implementation if trained else "",
                    device=self.device,
                    threads=self.threads,
                    speed=speed,
                    workload=name,
                    answers=not trained,
                    one_launch=bool(found.metrics) and PERPLEXITY not in found.metrics,
                    variables=tuple(found.variables.items()),
                    fingerprint=found.fingerprint,
                )
                made.append(plan)
        return made

    def files(self) -> dict[str, str]:
        """Returns the fingerprint of each workload that is a user's own file; "" of the others."""
        return {name: workload(name).fingerprint for name in self.workloads}

    def folder(self, output: Path, name: str) -> Path:
        """Returns the folder of a plan's files: one of its own below `output` where it is one of several."""
        return output / name if len(self.configs) * len(self.workloads) > 1 else output


def add_model(
    parser: argparse.ArgumentParser, configs: Sequence[str], *, several: bool = True, implementations: str = ""
) -> None:
    """Adds what ModelRequest holds, of one configuration or `several`.

    `implementations` says in the help what several of these do, where a command takes more than one.
    """
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
    parser.add_argument(
        "--implementation",
        action="append" if implementations else "store",
        choices=IMPLEMENTATIONS,
        default=None if implementations else IMPLEMENTATION,
        metavar="NAME",
        help=f"implementation of the model: {', '.join(IMPLEMENTATIONS)} (default: {IMPLEMENTATION}){implementations}",
    )


def add_workload(parser: argparse.ArgumentParser, *, several: bool = True, among: Sequence[str] = ()) -> None:
    """Adds --workload, of which a command takes several or one. `among`: the only names that it takes, if not all."""
    every = f"{EVERY}, for each that has the configuration; " if several else ""
    others = f"; {every}or the path of your own model's file, such as ./mine.py"
    parser.add_argument(
        "--workload",
        action="append",
        type=keeping_message(known_workload),
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


def device(text: str) -> str:
    """Reads a device's name."""
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device's name, such as cpu:0 or gpu:0")
    return text


def room_for(plans: Sequence[Plan]) -> float:
    """Returns for how many launches or comparisons of these plans, which time nothing, there is memory at once: for one
    where nobody knows what they need.
    """
    if any(plan.own or plan.config not in GATE_CONFIGS for plan in plans):
        return 1
    return available_gib() / max(UNTIMED_GIB, *(workload(plan.workload).memory_gib for plan in plans))


def model_request(
    options: argparse.Namespace, configs: Sequence[str], implementation: str | None = None
) -> ModelRequest:
    """Makes the request of add_model's options, of `configs` unless some are named; each is measured once.

    Raises UsageError as `chosen_workloads` does.
    """
    return ModelRequest(
        configs=tuple(dict.fromkeys(options.config or configs)),
        corpus=options.corpus,
        corpus_path=options.corpus_path,
        implementation=implementation or options.implementation,
        device=options.device,
        threads=options.threads,
        workloads=chosen_workloads(options, configs),
    )


def chosen_workloads(options: argparse.Namespace, configs: Sequence[str]) -> tuple[str, ...]:
    """Returns the workloads of add_workload's and add_config's options, the default one where none is named.

    Raises UsageError for a workload that has none of the configurations, or not one that was named, or that lacks the
    memory, unless the hosts of --cluster are asked, and for two files of one name.
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
    if not getattr(options, "cluster", None):
        require_memory(workloads)
    return workloads


def require_memory(workloads: Sequence[str]) -> None:
    """Raises UsageError for a workload that lacks the memory on this machine."""
    for name in workloads:
        needed, free = workload(name).memory_gib, available_gib()
        if free < needed:
            raise UsageError(
                f"workload {name} needs {needed} GiB of memory, and {free:.1f} GiB are free here, or by the limit of "
                "this container: stop other programs, or raise the limit"
            )
