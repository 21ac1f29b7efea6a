"""`tfgate train`: trains a configuration to the end, with validation each epoch, checkpoints and a final test."""

import argparse
import contextlib
import dataclasses
import glob
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench.commands.messages import print_json, say
from bench.commands.model import ModelRequest, add_model, model_request
from bench.commands.options import add_environment, add_output, add_shared, environment_request, output_folder
from bench.commands.usage import UsageError
from bench.drive.lock import locked
from bench.drive.opening import describe, open_model, started
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.record.codec import to_plain
from bench.record.files import write_text
from bench.record.paired import Side
from bench.record.types import DIVERGED
from bench.stats.outcome import EXIT_CODES, Outcome
from lm.training.checkpoint import part_of

EXAMPLES = """\
tfgate train --python .venv/bin/python --config tiny
tfgate train --python .venv/bin/python --config small --corpus ptb --output reports/small --resume"""
CHECKPOINT_FILE, RESULT_FILE = "checkpoint.npz", "result.json"
THERE = "{} holds a training already: continue with --resume, or choose another --output"
SILENT_SECONDS = 24 * 3600.0  # between two events; a tenth of an epoch of `large` takes a slow core an hour
COLUMNS = {
    "epoch": "epoch",
    "learning_rate": "learning rate",
    "train_perplexity": "train",
    "valid_perplexity": "valid",
    "words_per_second": "words/s",
    "train_seconds": "seconds",
}


@dataclasses.dataclass(frozen=True)
class Request:
    """The trainings, their environment and folder, and whether they resume."""

    model: ModelRequest
    environment: Side
    output: Path
    resume: bool
    json: bool
    command_line: Sequence[str]

    @property
    def patterns(self) -> list[str]:
        """Returns a pattern of each training's checkpoint in the --output folder, in order."""
        return [glob.escape(str(self.model.folder(Path(), config) / CHECKPOINT_FILE)) for config in self.model.configs]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_environment(parser)
    add_model(parser, ())
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in the --output folder")
    add_output(parser)
    add_shared(parser, "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError where every checkpoint is missing, or one is in the way."""
    model = model_request(options, ())
    asked = Request(
        model=model,
        environment=environment_request(options),
        output=output_folder(options, "train"),
        resume=options.resume,
        json=options.json,
        command_line=options.command_line,
    )
    there = [path for pattern in asked.patterns for path in asked.output.glob(pattern)]
    if asked.resume and not there:
        raise UsageError(
            f"no checkpoint of {' or '.join(model.configs)} in {asked.output}: name its folder by --output, or start "
            "without --resume"
        )
    if there and not asked.resume:
        folder = there[0].parent
        raise UsageError(THERE.format(folder))
    return asked


def run(asked: Request) -> int:
    """Returns 0; 1 if a training diverged. A training's result is in its folder when it is over.

    Raises UsageError, CorpusError, WorkerError, OSError.
    """
    results = [_train(asked, plan) for plan in asked.model.plans()]
    if asked.json:
        print_json(results)  # null of one that diverged
    elif whole := [result for result in results if result is not None]:
        print("\n\n".join(_table(result) for result in whole))
    return EXIT_CODES[Outcome.REGRESSION if None in results else Outcome.PASS]


def _train(asked: Request, plan: Plan) -> dict[str, Any] | None:
    """Returns the result; None of a training that diverged. Raises UsageError where another is at work."""
    folder = asked.model.folder(asked.output, plan.name)
    epochs: list[dict[str, Any]] = []
    end: dict[str, Any] = {}

    def hear(event: dict[str, Any]) -> None:
        kind, values = next(iter(event.items()))
        if kind == "EpochResult":
            epochs.append(values)
        elif kind == "TestResult":
            end.update(values)
        say(_line(kind, values))

    checkpoint = folder.resolve() / CHECKPOINT_FILE
    with contextlib.ExitStack() as after, started(plan, asked.environment) as worker:  # `after` the worker's end
        description = describe(worker, plan)
        opened = open_model(worker, dataclasses.replace(plan, steps=0))  # as many as the epochs have
        _hold(folder, after)
        after.callback(part_of(checkpoint).unlink, missing_ok=True)  # left if the process is ended while it writes
        there = checkpoint.exists()  # none of a configuration that an interruption came before
        if there and not asked.resume:  # of another command that has ended since
            raise UsageError(THERE.format(folder))
        if there:
            say(f"warning: {RESULT_FILE} will name this TensorFlow, machine and command alone, whatever trained before")
        try:
            worker.request(
                None, "train", seconds=SILENT_SECONDS, on_event=hear, checkpoint=str(checkpoint), resume=there
            )
        except WorkerError as error:
            if error.failure.kind == DIVERGED:
                say(f"tfgate: {error.failure.message}")
                return None
            raise
    result = {
        "subject": to_plain(opened.subject),
        "environment": to_plain(description.environment),
        "machine": to_plain(description.machine),
        "command": list(asked.command_line),
        "resumed": there,  # environment, machine and command are those of the last process alone
        "epochs": epochs,
        **end,
    }
    write_text(folder / RESULT_FILE, json.dumps(result, indent=1, allow_nan=False) + "\n", replace=True)
    return result


def _hold(folder: Path, stack: contextlib.ExitStack) -> None:
    """Makes a training's folder, and holds it until the stack ends. Raises UsageError where another process does."""

    def busy() -> None:
        raise UsageError(f"another process trains in {folder}: choose another --output")

    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # NFS locks no folder
        stack.enter_context(locked(descriptor, folder, busy))


def _line(kind: str, values: dict[str, Any]) -> str:
    """Returns an event as the notebook prints it."""
    if kind == "Progress":
        perplexity, speed = float(values["perplexity"]), f"{values['words_per_second']:.0f} wps"
        return f"Itr {values['step']} of {values['steps']}, perplexity: {perplexity:.3f} speed: {speed}"
    if kind == "EpochResult":
        train, valid = float(values["train_perplexity"]), float(values["valid_perplexity"])
        perplexities = f"train perplexity {train:.3f}, valid perplexity {valid:.3f}"
        return f"Epoch {values['epoch']}: learning rate {values['learning_rate']:.4f}, {perplexities}"
    return f"Test perplexity: {float(values['test_perplexity']):.3f}"


def _table(result: dict[str, Any]) -> str:
    rows = [[epoch[name] for name in COLUMNS] for epoch in result["epochs"]]
    table = tabulate(rows, list(COLUMNS.values()), "simple", floatfmt=("d", ".4f", ".2f", ".2f", ",.0f", ".0f"))
    return f"{table}\n\ntest perplexity {float(result['test_perplexity']):.2f} over {result['test_tokens']} tokens"
