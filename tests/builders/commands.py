"""The command line's answers, margins, reports of gates and upgrades, and interpreters whose sessions have noise."""

import dataclasses
import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.record.files import read_record, write_record
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.paired import Package, PairedRun, Side
from bench.record.types import SCHEMA
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS
from tests.builders.fake_interpreter import session_text, write_interpreter
from tests.builders.launches import on_candidate
from tests.builders.paired import pair, paired_run
from tests.builders.records import records, run

FIRST_PASS = LOOKS[0]  # launches of a run of one kind that passes, where `short_launches` are used
PASS, REGRESSION, INCONCLUSIVE, FAILED, NOT_GATED = Outcome
CRASH = "os._exit(3) if self.done > 25 else None"  # a statement `midway`
OLD, NEW, NEWER = (
    Side(name, name, {}, packages=(Package("tensorflow-cpu", name),)) for name in ("2.20.0", "2.21.0", "2.22.0")
)
without_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="this Python has TensorFlow"
)
MARGINS_TEXT = """\
micro = 0.15
between_hosts = 0.03
window_start = { notebook = 0.2, tiny = 0, small = 0 }
budget = { step_time = 0.10 }
[gating]
step_time = 0.05
perplexity = { tiny = 0.01, notebook = 0.01, small = 0.01 }
memory_growth = { notebook = 102_400, tiny = 4_096 }
[without_pilot]
step_time = 0.05
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer of a command."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of its complaint; fails for anything but one."""
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("tfgate: error: ")
        return lines[0].removeprefix("tfgate: error: ")

    @property
    def plain(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def outcome(self) -> Outcome:
        """The outcome of its verdict, which was asked for as JSON and agrees with the exit code."""
        verdict = self.plain
        assert verdict["exit_code"] == self.code
        return Outcome(verdict["outcome"])

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The outcome of each metric of its verdict on one subject, which was asked for as JSON."""
        return {one["metric"]["name"]: Outcome(one["outcome"]) for one in self.plain["comparisons"]}


Tfgate = Callable[..., Answer]
Keep = Callable[..., Path]  # writes a run of records into a folder, which it returns
OneHost = Callable[[str], list[Any]]  # gives a command a cluster of one host; the keys of its calls


def in_turn(
    reference: Side = OLD,
    candidate: Side = NEW,
    *,
    created: str = "2026-01-06T00:00:00+00:00",
    launches: int = 10,
    step: float = 0.0,
) -> PairedRun:
    """An upgrade's report of `notebook`; `step` is the log ratio of its step times."""
    pairs = [pair(launch, step=step) for launch in range(launches)]
    if candidate == reference:
        pairs = [on_candidate(one, environment=one.reference.environment) for one in pairs]
    return paired_run(pairs, created=created, reference=reference, candidate=candidate)


def gate_run(*speed: PairedRun, created: str = "2026-01-06T00:00:00+00:00") -> GateRun:
    """A gate's report of a candidate whose numbers are right."""
    return GateRun(SCHEMA, created, ("tfgate", "gate"), speed[0].candidate, run(records()), speed)


def report(folder: Path, made: GateRun | PairedRun) -> Path:
    """Keeps a gate's or an upgrade's report, and returns its folder."""
    write_record(folder / ("gate.json" if isinstance(made, GateRun) else "paired.json"), made)
    return folder


def ledger(folder: Path) -> Ledger:
    """The ledger of a folder of baselines."""
    return read_record(Ledger, folder / "ledger.json")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, to see that nothing was written."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# A session whose trainings, times and memory have noise (1%), other noise in each interpreter and launch, as the judge
# wants it. A step takes 0.1 s × `slowness`, so that its 80 words make 800 words/s.
SESSION = """
import dataclasses, random

def first(name):
    try:
        os.close(os.open(os.path.join({folder!r}, name), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

class Session(Session):
    def open(self, **asked):
        self.config = asked["config"]
        self.random = random.Random(f"{{os.path.basename(sys.argv[0])}} {{asked['jitter']}}")
        self.level = 0.1 * {slowness} * self.random.uniform(0.99, 1.01)
        self.loss = 50 + random.Random(asked["jitter"]).uniform(-0.01, 0.01)
        return super().open(**asked)

    def timed(self, block):
        times = tuple(self.level * self.random.uniform(0.99, 1.01) for _ in block.seconds)
        rss_bytes = block.rss_bytes + self.random.randrange(100)
        return dataclasses.replace(block, seconds=times, cpu_seconds=times, rss_bytes=rss_bytes)

    def steps(self, count, tell=False):
        in_turn = not tell
        {midway}
        block = self.timed(super().steps(count))
        return dataclasses.replace(block, losses=(self.loss,) * count)

    def take(self, step, with_logits):
        in_turn = False
        {midway}
        return dataclasses.replace(super().take(step, with_logits), loss=self.loss)

    def evaluation_steps(self, count):
        return self.timed(super().evaluation_steps(count))

{more}
"""


def noisy_side(
    path: Path,
    packages: Mapping[str, str] | None = None,
    *,
    slowness: float = 1.0,
    midway: str = "pass",
    more: str = "",
) -> str:
    """An interpreter of such sessions, with one statement before each block of steps, and with more definitions."""
    body = SESSION.format(folder=str(path.parent), slowness=slowness, midway=midway, more=more)
    return write_interpreter(path, session_text(body), packages)


def survey(tfgate: Tfgate, sides: dict[str, str], *more: str | Path) -> Answer:
    """The answer of a survey of these sides, from the first to the last."""
    first, *between, last = sides.values()
    releases = [word for side in between for word in ("--release", side)]
    return tfgate("survey", "--from", first, "--to", last, *releases, *more)


def bisect(tfgate: Tfgate, folder: Path, sides: dict[str, str], *more: str | Path) -> Answer:
    first, *between, last = sides.values()
    releases = [word for side in between for word in ("--release", side)]
    options = ["--metric", "step time", "--baselines", folder / "baselines", "--output", folder / "out"]
    return tfgate("bisect", "--good", first, "--bad", last, *releases, *options, *more)
