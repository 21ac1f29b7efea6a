"""Interrupts real runs and damages stored files at random (docs/reliability.md).

python -m experiments.abuse adds what it finds to experiments/data/abuse.jsonl. The next call goes on from there, until
each kind has as many draws as are asked for. `--minutes` makes only some draws, from seeds of the day, and keeps
nothing.
"""

import argparse
import datetime
import functools
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.abuse.files import draw_file
from experiments.abuse.outcomes import (
    FILES,
    OUTPUT,
    PROCESSES,
    REAL_PROCESSES,
    ROOT,
    Outcome,
    append,
    asked_of,
    batch_of,
    made,
    next_seeds,
    read_batches,
)
from experiments.abuse.processes import Processes
from experiments.abuse.scenarios import furnish
from experiments.abuse.stored import KINDS, lay_out
from experiments.markdown import fill

CHUNK = {PROCESSES: 10, REAL_PROCESSES: 1}  # draws between two lines of what was found, where they aren't FILES / 4
SEEDS_A_DAY = 100_000
Draws = dict[str, Callable[[int], Outcome]]  # by kind: what a seed stands for


def draws_in(home: Path, python: str | None) -> Draws:
    """Returns the draws of each kind of file, of commands on stand-ins for TensorFlow, and on a real one if there is
    one.
    """
    folder = home / "laid out"
    lay_out(folder)
    found: Draws = {kind.name: functools.partial(draw_file, kind, folder=folder) for kind in KINDS}
    furniture = furnish(home / "furnished")
    found[PROCESSES] = Processes(furniture, "", real=False).draw
    if python:
        found[REAL_PROCESSES] = Processes(furniture, python, real=True).draw
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 if anything was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="draw for so long, and keep nothing unless --keep says so")
    parser.add_argument("--keep", action="store_true", help="go on from what was found for --minutes, and add to it")
    parser.add_argument("--only", action="append", metavar="KIND", help="kinds of files, or of processes, alone")
    parser.add_argument(
        "--python",
        default=os.environ.get("TFGATE_PYTHON_TF221"),
        help="an interpreter with TensorFlow, for processes of it (default: tox's)",
    )
    parser.add_argument(
        "--document", action="store_true", help=f"write what was found into {OUTPUT.name}, and draw nothing"
    )
    parser.add_argument("--seed", type=int, help="draw that one alone, of each kind, and keep nothing")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it, and so would the commands
    if options.document:
        fill(OUTPUT, made(read_batches()))
        return 0
    home = Path(tempfile.mkdtemp(prefix="abuse-"))
    try:
        all_draws = draws_in(home, options.python)
        if unknown := set(options.only or ()) - set(all_draws):
            parser.error(f"no kind {', '.join(sorted(unknown))}; there are {', '.join(all_draws)}")
        draws = {name: draw for name, draw in all_draws.items() if not options.only or name in options.only}
        if REAL_PROCESSES in draws and not Path(options.python).is_file():
            parser.error(f"no interpreter {options.python}: `tox run --notest -e tf221` makes one, or give --python")
        if options.seed is not None:
            return _tell([draw(options.seed) for draw in draws.values()])
        ends = time.monotonic() + 60 * options.minutes if options.minutes else math.inf
        return _part(draws, ends) if options.minutes and not options.keep else _whole(draws, ends)
    finally:
        shutil.rmtree(home)


def _part(draws: Draws, ends: float) -> int:
    """Draws of each kind in turn, as many as are asked for in relation to each other."""
    seed = datetime.date.today().toordinal() * SEEDS_A_DAY
    found: list[Outcome] = []
    while True:
        for name, draw in draws.items():
            for _ in range(max(asked_of(name) // 100, 1)):
                if time.monotonic() > ends:
                    return _tell(found)
                found.append(draw(seed + len(found)))


def _whole(draws: Draws, ends: float) -> int:
    """Draws what is missing of each kind, and keeps what is found."""
    found: list[Outcome] = []
    for name, draw in draws.items():
        asked, most = asked_of(name), CHUNK.get(name, FILES // 4)
        while (seeds := next_seeds(name, read_batches(), asked, most)) and time.monotonic() < ends:
            some = [draw(seed) for seed in seeds]
            append(batch_of(some, datetime.datetime.now(datetime.UTC).date().isoformat(), _commit()))
            found += some
            print(f"{name}: {some[-1].seed + 1} of {asked}", file=sys.stderr, flush=True)
    return _tell(found)


def _commit() -> str:
    """Returns the commit of the code that is abused; "…-dirty" where that was changed since."""
    git = ["git", "-C", str(ROOT)]
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "bench", "lm", "tests"], check=False).returncode
    return found.stdout.strip() + ("-dirty" if changed else "")


def _tell(found: Sequence[Outcome]) -> int:
    broken = [outcome for outcome in found if outcome.broken]
    for outcome in broken:
        print(f"{outcome.kind} {outcome.seed}: {outcome.broken}")
    print(f"{len(found)} draws, {len(broken)} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
