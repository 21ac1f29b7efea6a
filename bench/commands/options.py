"""From a command line's options to what is measured, and where it is kept."""

import argparse
import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from bench.commands.errors import UsageError
from bench.drive.plan import Plan
from lm.config import GATE_STEPS, config_by_name, require_implementation
from lm.corpus import load_corpus

GATE_CONFIGS = ("tiny", "notebook", "small")
LAUNCHES = 4
DEVICE = re.compile(r"(cpu|gpu):\d{1,2}")  # as in bench/micro/selection.py, which the measured environments import
JITTERS = range(2**31)  # what a NumPy stream takes, with room for a run's launches


def plans(options: argparse.Namespace, names: Sequence[str] | None = None) -> list[Plan]:
    """What each configuration's launches do. Raises ConfigError, CorpusError and UsageError before any process is started."""
    require_implementation(options.implementation)
    require_device_name(options.device)
    if options.threads < 0:
        raise UsageError(f"--threads is {options.threads}; it must be at least 1, or 0 for as many as cores")
    made = []
    for name in dict.fromkeys(names or options.config or GATE_CONFIGS):  # one named twice is measured once
        config = config_by_name(name)
        load_corpus(options.corpus, config, Path(options.corpus_path) if options.corpus_path else None)
        made.append(
            Plan(
                name,
                GATE_STEPS[name],
                options.corpus,
                options.corpus_path,
                options.implementation,
                options.device,
                options.threads,
                speed=not getattr(options, "no_speed", False),
            )
        )
    return made


def require_device_name(name: str) -> None:
    """Raises UsageError for a --device that can't be one's name."""
    if not DEVICE.fullmatch(name):
        raise UsageError(f"--device is {name!r}; it must be a name such as cpu:0 or gpu:0")


def variables(options: argparse.Namespace, field: str = "env") -> dict[str, str]:
    """The --env options (or those kept in another field) as a mapping. Raises UsageError for one without a name or without =."""
    items = getattr(options, field)
    shown = field.replace("_", "-")
    wrong = next((item for item in items if not item.partition("=")[0] or "=" not in item), None)
    if wrong is not None:
        raise UsageError(f"--{shown} {wrong!r} is not NAME=VALUE")
    return dict(item.split("=", 1) for item in items)


def output_folder(options: argparse.Namespace, name: str) -> Path:
    """The --output folder, or one under reports/ named by the time."""
    if options.output:
        return Path(options.output)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("reports") / f"{stamp}-{name}"


def launch_count(options: argparse.Namespace, default: int = LAUNCHES) -> int:
    """The --launches option. Raises UsageError for less than one."""
    launches = default if options.launches is None else int(options.launches)
    if launches < 1:
        raise UsageError(f"--launches is {launches}; it must be at least 1")
    return launches


def first_jitter(options: argparse.Namespace) -> int:
    """The --jitter option. Raises UsageError for one that no stream can be made of."""
    jitter = int(options.jitter)
    if jitter not in JITTERS:
        raise UsageError(f"--jitter is {jitter}; it must be at least 0 and below {JITTERS.stop}")
    return jitter
