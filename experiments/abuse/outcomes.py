"""Keeps the result of each draw in a file that only grows, and makes the tables of docs/reliability.md from it.

A line stands for consecutive draws of one kind: their seeds, how many ended how, and what was broken by which seed.
"""

import collections
import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from experiments.markdown import bare_table

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "experiments" / "data" / "abuse.jsonl"
OUTPUT = ROOT / "docs" / "reliability.md"

PROCESSES, REAL_PROCESSES = "processes", "processes of TensorFlow"
FILES = 1000  # draws that are asked for of each kind of file
ASKED = {PROCESSES: 490, REAL_PROCESSES: 200}  # and of processes
REFUSED, EQUAL, OTHER = ENDS = ("refused", "taken, and equal", "taken, another value")  # of a file


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The end of one draw."""

    kind: str  # of file, or the scenario's name
    seed: int
    end: str  # as docs/reliability.md counts them: refused, equal, …
    broken: str = ""  # the invariant that did not hold, and how; "" where all held


@dataclasses.dataclass(frozen=True)
class Batch:
    """Consecutive draws of one kind by one version of the code."""

    kind: str
    seeds: tuple[int, int]  # the first, and the one after the last
    ends: dict[str, int]  # how many ended so
    broken: dict[str, str]  # by seed
    date: str
    commit: str


def asked_of(kind: str) -> int:
    """Returns how many draws of a kind are asked for."""
    return ASKED.get(kind, FILES)


def batch_of(outcomes: Sequence[Outcome], date: str, commit: str) -> Batch:
    """Returns the line of consecutive draws of one kind."""
    ends = collections.Counter(outcome.end for outcome in outcomes)
    broken = {str(outcome.seed): outcome.broken for outcome in outcomes if outcome.broken}
    seeds = (outcomes[0].seed, outcomes[-1].seed + 1)
    return Batch(outcomes[0].kind, seeds, dict(sorted(ends.items())), broken, date, commit)


def read_batches(path: Path = DATA) -> list[Batch]:
    """Returns what was found so far; nothing where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    found = [Batch(**json.loads(line)) for line in lines]
    return [dataclasses.replace(batch, seeds=(batch.seeds[0], batch.seeds[1])) for batch in found]


def append(batch: Batch, path: Path = DATA) -> None:
    """Adds a line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(dataclasses.asdict(batch)) + "\n")


def next_seeds(kind: str, batches: Iterable[Batch], asked: int, most: int) -> range:
    """Returns the first seeds of a kind that were not drawn yet, those of a line that was taken out included."""
    drawn = {seed for batch in batches if batch.kind == kind for seed in range(*batch.seeds)}
    first = next((seed for seed in range(asked) if seed not in drawn), asked)
    last = next((seed for seed in range(first, asked) if seed in drawn), asked)
    return range(first, min(first + most, last))


def made(batches: Sequence[Batch]) -> dict[str, str]:
    """Returns the parts of docs/reliability.md that tell what was found, by their places."""
    broken = sum(len(batch.broken) for batch in batches)
    draws = sum(batch.seeds[1] - batch.seeds[0] for batch in batches)
    by_kind: dict[str, list[Batch]] = {}
    for batch in batches:
        by_kind.setdefault(batch.kind, []).append(batch)
    files = bare_table(
        [_row(kind, of) for kind, of in by_kind.items() if kind not in ASKED],
        ["file", "seeds", "since", *ENDS, "broken"],
    )
    processes = "\n".join(_processes(kind, of) for kind, of in by_kind.items() if kind in ASKED)
    return {"draws": f"**{broken} of {draws:,} draws broke a rule.**", "files": files, "processes": processes}


def _row(kind: str, batches: Sequence[Batch]) -> list[str]:
    ends: collections.Counter[str] = collections.Counter()
    for batch in batches:
        ends.update(batch.ends)
    counted = [str(ends[end]) for end in ENDS]
    return [kind, _seeds(batches), _since(batches), *counted, _broken(batches)]


def _processes(kind: str, batches: Sequence[Batch]) -> str:
    """Returns a table of the draws by command and by what was done to it."""
    ends: collections.Counter[tuple[str, ...]] = collections.Counter()
    for batch in batches:
        for end, count in batch.ends.items():
            ends[tuple(end.rsplit(", ", 1))] += count
    commands = sorted({command for _, command in ends})
    done = sorted({what for what, _ in ends})
    rows = [[what, *(str(ends[what, command] or "–") for command in commands)] for what in done]
    where = "On TensorFlow" if kind == REAL_PROCESSES else "On stand-ins"
    seeds = f"seeds {_seeds(batches)} of the {ASKED[kind]} that are asked for, since {_since(batches)}"
    head = f"{where}, {seeds}; broken: {_broken(batches)}.\n\n"
    return head + bare_table(rows, ["done", *(command.removesuffix(" of TensorFlow") for command in commands)])


def _seeds(batches: Sequence[Batch]) -> str:
    return f"{min(batch.seeds[0] for batch in batches)}–{max(batch.seeds[1] for batch in batches) - 1}"


def _since(batches: Sequence[Batch]) -> str:
    """Returns the day of the oldest draw."""
    return min(batch.date for batch in batches)


def _broken(batches: Sequence[Batch]) -> str:
    """Returns the seeds that broke a rule, with how."""
    found = [f"{seed} ({re.sub('[|`]', ' ', how)[:120]})" for batch in batches for seed, how in batch.broken.items()]
    return "; ".join(found) or "none"
