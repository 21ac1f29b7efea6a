"""Keeps the result of each draw in a file that only grows, and makes docs/reliability.md from it.

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

HEAD = """# Interrupted runs and broken files: what is lost

`tox run -e abuse` interrupts commands and damages files at random. This page has the rules that must hold afterwards,
how often each was broken, and what was found and fixed. Random numbers come from seeds, so that each draw can be
repeated: `tox run -e abuse -- --only KIND --seed SEED`. `experiments/data/abuse.jsonl` holds each draw. The nightly
workflow makes other draws for 90 minutes.

**{broken} of {draws} draws broke a rule.**
"""
FOUND = """
## What it found

These faults were found and fixed, each with a test, before the draws that are counted above:

- Wrong data was taken: a digit that had changed in a report, a field given twice, times and sizes that were NaN or
  below 0, checkpoints with arrays of other shapes and types, with NaN, or with epochs and steps that disagree.
- Tracebacks were shown: for numbers beyond what a logarithm or a float holds (the ledger, a checkpoint), margins nested
  100,000 deep, a line of the reference's lock without a version, a checkpoint that announces more than there is memory,
  a training of no time steps, and Ctrl-C while modules are imported.
- Messages named no file, quoted 100,000 characters of it, or came with a library's warnings on other lines.
- Work was lost: `gate` and `upgrade` could not go on from their finished launches. `upgrade` lost the reference's
  launch against the oracle while the candidate's ran. An interrupted training lost up to a minute and a step, and the
  whole time of a validation on top.
- Every command said "finished launches are kept", even `train` and `lockstep`.
- Things were left behind: a killed command left its temporary folders for good, and its pytest or uv running. A worker
  that was stopped before its first line outlived a killed command. A second Ctrl-C, while launches side by side were
  being killed, waited for them.
"""
FILES_HEAD = """
## Files

Each draw damages one stored file and has a command read it. It cuts the file short, flips bits, zeroes blocks, renames
fields or gives them twice, turns numbers into NaN or huge ones, makes text hostile, nests values 100,000 deep, or
announces 1 GiB or 16 EiB. The rules:

- The command refuses the file in one line that names it, with exit code 2 (4 for a lock). Or it takes the file, and
  says the same as for the whole one.
- It shows no traceback.
- It takes at most 30 s and 1 GiB.
- It writes nothing elsewhere.

Reports carry a seal, which reveals any change. Half of the draws delete the seal first. A file without a seal (a
baseline, the ledger, margins, a file of another program) may hold *another value* that is as good as the old one, such
as a digit that a flipped bit has changed. git guards the files of this repository against that.

"""
PROCESSES_HEAD = """
## Processes

Each draw starts a command, disturbs it at a random moment, and starts the same command again (with `--resume` if it has
that option). The rules:

- No file is half written, and no finished launch is lost.
- After 10 s no process is left, not even a stopped one, and no temporary folder (after SIGKILL: once the next command
  starts).
- The exit code is one of those that [the commands](commands.md) name, with one line that says why.
- No traceback is shown.
- The second command ends as the first would have. A training ends with the same bits.

*On stand-ins*, the commands are the real ones, but the measured interpreters only stand for TensorFlow: their steps
take no time. *On TensorFlow*, they are real too, on tiny.

"""


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


def document(batches: Sequence[Batch]) -> str:
    """Returns docs/reliability.md."""
    broken = sum(len(batch.broken) for batch in batches)
    draws = sum(batch.seeds[1] - batch.seeds[0] for batch in batches)
    kinds = dict.fromkeys(batch.kind for batch in batches)
    of_files = [kind for kind in kinds if kind not in ASKED]
    text = HEAD.format(broken=broken, draws=f"{draws:,}") + FILES_HEAD
    text += bare_table(
        [_row(kind, [batch for batch in batches if batch.kind == kind]) for kind in of_files],
        ["file", "seeds", "refused", "taken, and equal", "taken, another value", "broken"],
    )
    for kind in kinds:
        if kind not in of_files:
            text += PROCESSES_HEAD if "## Processes" not in text else "\n"
            text += _processes(kind, [batch for batch in batches if batch.kind == kind])
    return text + FOUND


def _row(kind: str, batches: Sequence[Batch]) -> list[str]:
    ends: collections.Counter[str] = collections.Counter()
    for batch in batches:
        ends.update(batch.ends)
    counted = [str(ends[end]) for end in ("refused", "taken, and equal", "taken, another value")]
    return [kind, _seeds(batches), *counted, _broken(batches)]


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
    head = f"{where}, seeds {_seeds(batches)} of the {ASKED[kind]} that are asked for; broken: {_broken(batches)}.\n\n"
    return head + bare_table(rows, ["done", *(command.removesuffix(" of TensorFlow") for command in commands)])


def _seeds(batches: Sequence[Batch]) -> str:
    return f"{min(batch.seeds[0] for batch in batches)}–{max(batch.seeds[1] for batch in batches) - 1}"


def _broken(batches: Sequence[Batch]) -> str:
    """Returns the seeds that broke a rule, with how."""
    found = [f"{seed} ({re.sub('[|`]', ' ', how)[:120]})" for batch in batches for seed, how in batch.broken.items()]
    return "; ".join(found) or "none"
