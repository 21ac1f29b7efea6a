"""`tfgate data`: makes or verifies a corpus."""

import argparse
import dataclasses
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from tabulate import tabulate

from bench.commands.acquire import acquire_ptb
from bench.commands.messages import print_json
from bench.commands.options import add_output, add_shared
from bench.commands.progress import may_draw
from bench.commands.usage import UsageError
from lm.config import CONFIGS
from lm.data.corpus import CORPORA, Corpus
from lm.data.ptb import data_directory, ptb_corpus
from lm.data.synthetic import synthetic_corpus

EXAMPLES = """\
tfgate data
tfgate data --source simple-examples.tgz --output ptb
tfgate data --corpus synthetic --json"""
VOCABULARY = CONFIGS["notebook"].vocabulary_size


@dataclasses.dataclass(frozen=True)
class Request:
    """The corpus, its source and its destination."""

    corpus: str
    source: str | None  # None: its public download address
    output: Path | None  # None: TFGATE_DATA, or the user's cache
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--corpus", choices=CORPORA, default="ptb", help="the corpus (default: %(default)s)")
    parser.add_argument(
        "--source", metavar="DIR|ARCHIVE|URL", help="where the PTB comes from (default: its public download address)"
    )
    add_output(parser, "TFGATE_DATA, or the user's cache")
    add_shared(parser, "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError."""
    if options.corpus == "synthetic" and (options.source or options.output):
        raise UsageError("--source and --output are for the PTB: the synthetic corpus is made, not read")
    return Request(options.corpus, options.source, Path(options.output) if options.output else None, options.json)


def run(asked: Request) -> int:
    """Returns 0 if the corpus is there and is what it should be. Raises CorpusError, OSError."""
    if asked.corpus == "synthetic":
        corpus, where = synthetic_corpus(VOCABULARY), "made on the spot from a frozen stream; nothing is stored"
    else:
        folder = asked.output or data_directory()
        for line in _acquired(asked.source, folder):
            print(line, file=sys.stderr)
        corpus, where = ptb_corpus(folder, VOCABULARY), str(folder)
    if asked.json:
        print_json([_plain(corpus)])
    else:
        print(_table(corpus, where))
    return 0


def _acquired(source: str | None, folder: Path) -> list[str]:
    """Puts the PTB into the folder, and returns what was done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not may_draw(console)) as bar:
        task = bar.add_task("downloading", total=None)
        return acquire_ptb(source, folder, lambda got, total: bar.update(task, completed=got, total=total))


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
