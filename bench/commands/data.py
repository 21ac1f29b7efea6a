"""`tfgate data`: makes or verifies a corpus."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from tabulate import tabulate

from bench.commands.acquire import acquire_ptb
from bench.commands.errors import UsageError
from lm.config import CONFIGS
from lm.data.corpus import Corpus
from lm.data.ptb import data_directory, ptb_corpus
from lm.data.synthetic import synthetic_corpus

VOCABULARY = CONFIGS["notebook"].vocabulary_size


def main(options: argparse.Namespace) -> int:
    """0 if the corpus is there and is what it should be."""
    if options.corpus == "synthetic":
        if options.source or options.directory:
            raise UsageError("--source and --directory are for the PTB: the synthetic corpus is made, not read")
        corpus, where = synthetic_corpus(VOCABULARY), "made on the spot from a frozen stream; nothing is stored"
    else:
        folder = Path(options.directory) if options.directory else data_directory()
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("downloading", total=None)
            done = acquire_ptb(options.source, folder, lambda got, total: bar.update(task, completed=got, total=total))
        for line in done:
            print(line, file=sys.stderr)
        corpus, where = ptb_corpus(folder, VOCABULARY), str(folder)
    print(json.dumps(_plain(corpus)) if options.json else _table(corpus, where))
    return 0


def _plain(corpus: Corpus) -> dict[str, object]:
    tokens = {split: int(ids.size) for split, ids in corpus.splits().items()}
    return {
        "corpus": corpus.name,
        "vocabulary": corpus.vocabulary_size,
        "tokens": tokens,
        "sha256": corpus.sha256,
        "ideal_perplexity": corpus.ideal_perplexity,
    }


def _table(corpus: Corpus, where: str) -> str:
    ideal = corpus.ideal_perplexity or {}
    rows = [
        [split, f"{ids.size:,}", f"{ideal[split]:.2f}" if split in ideal else "–"]
        for split, ids in corpus.splits().items()
    ]
    table = tabulate(rows, ["split", "tokens", "ideal perplexity"], "simple", disable_numparse=True, stralign="right")
    return f"{corpus.name}: {corpus.vocabulary_size:,} words, sha256 {corpus.sha256}\n{where}\n\n{table}"
