"""`tfgate train`: a configuration to the end, with validation each epoch, checkpoints and a final test."""

import argparse
import dataclasses
import json
import sys
from typing import Any

from tabulate import tabulate

from bench.commands.errors import UsageError
from bench.commands.options import output_folder, plans, variables
from bench.drive.launch import describe, open_model
from bench.drive.process import DIVERGED, Worker, WorkerError
from bench.record.codec import to_plain
from bench.record.files import write_text

SILENT_SECONDS = 24 * 3600.0  # between two events; a tenth of an epoch of `large` takes a slow core an hour
COLUMNS = {
    "epoch": "epoch",
    "learning_rate": "learning rate",
    "train_perplexity": "train",
    "valid_perplexity": "valid",
    "words_per_second": "words/s",
    "train_seconds": "seconds",
}


def main(options: argparse.Namespace) -> int:
    """0; 1 if the training diverged. The result, `result.json` in the output folder, is written when the training is over."""
    folder = output_folder(options, f"train-{options.config}-{options.corpus}")
    checkpoint = folder.resolve() / "checkpoint.npz"
    if options.resume and not checkpoint.exists():
        raise UsageError(
            f"no checkpoint at {checkpoint}: name its folder by --output, or start the training without --resume"
        )
    if not options.resume and checkpoint.exists():
        raise UsageError(f"{folder} holds a training already: go on with --resume, or choose another --output")
    plan = plans(options, [options.config])[0]
    epochs: list[dict[str, Any]] = []
    end: dict[str, Any] = {}

    def hear(event: dict[str, Any]) -> None:
        kind, values = next(iter(event.items()))
        if kind == "epoch_result":
            epochs.append(values)
        elif kind == "test_result":
            end.update(values)
        print(_line(kind, values), file=sys.stderr, flush=True)

    with Worker(options.python, "tensorflow", plan.device, variables(options)) as worker:
        description = describe(worker, plan)
        opened = open_model(worker, dataclasses.replace(plan, steps=0))  # as many as the epochs have
        try:
            worker.request(None, "train", SILENT_SECONDS, hear, checkpoint=str(checkpoint), resume=options.resume)
        except WorkerError as error:
            if error.failure.kind == DIVERGED:
                print(f"tfgate: {error.failure.message}", file=sys.stderr)
                return 1
            raise
    result = {
        "subject": to_plain(opened.subject),
        "environment": to_plain(description.environment),
        "machine": to_plain(description.machine),
        "command": list(options.command_line),
        "epochs": epochs,
        **end,
    }
    write_text(folder / "result.json", json.dumps(result, indent=1, allow_nan=False) + "\n", replace=True)
    print(json.dumps(result) if options.json else _table(epochs, end))
    return 0


def _line(kind: str, values: dict[str, Any]) -> str:
    """An event as the notebook prints it."""
    if kind == "progress":
        speed = f"{values['words_per_second']:.0f} wps"
        return (
            f"Itr {values['step']} of {values['steps']}, perplexity: {float(values['perplexity']):.3f} speed: {speed}"
        )
    if kind == "epoch_result":
        rate, train, valid = (
            values["learning_rate"],
            float(values["train_perplexity"]),
            float(values["valid_perplexity"]),
        )
        return f"Epoch {values['epoch']}: learning rate {rate:.4f}, train perplexity {train:.3f}, valid perplexity {valid:.3f}"
    return f"Test perplexity: {float(values['test_perplexity']):.3f}"


def _table(epochs: list[dict[str, Any]], end: dict[str, Any]) -> str:
    rows = [[epoch[name] for name in COLUMNS] for epoch in epochs]
    table = tabulate(rows, list(COLUMNS.values()), "simple", floatfmt=("d", ".4f", ".2f", ".2f", ",.0f", ".0f"))
    return f"{table}\n\ntest perplexity {float(end['test_perplexity']):.2f} over {end['test_tokens']} tokens"
