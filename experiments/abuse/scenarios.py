"""Tables of the real commands, of the disturbances, and of those that are drawn together."""

import dataclasses
import random
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.record.files import write_record
from tests.builders.commands import MARGINS_TEXT, noisy_side
from tests.builders.fake_interpreter import FAKE_ORACLE, write_interpreter
from tests.builders.micro import STEP, micro_interpreter
from tests.builders.numpy_interpreter import numpy_interpreter
from tests.builders.records import records, run
from tests.builders.wheels import write_wheel

TERM, INT, KILL, STOP = signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP
# A candidate that ends once is measured again; in lockstep it fails where the reference ran. A process without which
# nothing can be said fails the measurement, and an interpreter that doesn't say what it is can't be used.
CHILD_LOST = (1, 2, 3, 4)
PACKAGES = {"tensorflow-cpu": "9.9.9", "numpy": "2.4.0"}
# Imports what the commands patch in tests: stand-ins have an oracle, and a machine, of their own.
STAND_IN = """
import bench.drive.oracle, bench.drive.measured, bench.commands.resume
from bench.record.types import Machine
bench.drive.oracle.INTERPRETER = {oracle!r}
bench.commands.resume.this_machine = bench.drive.measured.this_machine = lambda: Machine("fake", 2, "fake", 1)
"""
MAIN = "import sys; from bench.cli import main; sys.exit(main())"
JUMP = """
import datetime, itertools, time
jumps, now = itertools.cycle((0, 86400, -864000, 3.2e8)), time.time
time.time = lambda: now() + next(jumps)
class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(now(), tz) + datetime.timedelta(seconds=next(jumps))
class Module:
    datetime = Jumping
    def __getattr__(self, name):
        return getattr(sys.modules["datetime"], name)
import bench.commands.options, bench.machine
bench.commands.options.datetime = bench.machine.datetime = Module()
"""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that is disturbed. {home} is what `furnish` has filled, {python} an interpreter, {out} a new folder."""

    name: str
    words: str
    again: str = ""  # what the same command has added to it when it goes on; "" where it starts anew
    no_room: Sequence[int] = (4,)  # its exit codes where the disk is full
    real: bool = False  # whether its interpreter is one with TensorFlow, not a stand-in


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """Something that is done while a command runs, or before."""

    name: str
    signals: Sequence[signal.Signals] = ()  # sent in this order, with a pause between two
    codes: Sequence[int] = ()  # exit codes that are as right as the usual one
    whom: str = "orchestrator"  # or: child, a process that it has started, whichever is drawn; uv; both
    room_kib: tuple[int, int] = (0, 0)  # of the disk that the command's files and temporary folders lie on; 0: as it is
    read_only: bool = False
    before: str = ""  # code that runs in the command's process before it
    twice: bool = False  # the same command runs at the same time
    lock: str = ""  # who holds the host's lock: "dead" or "alive"
    cache: bool = False  # a file of a built environment is cut short before the command


ON_STAND_INS = "--baselines {home}/baselines --output {out}"
COMMANDS = (
    Command("gate", f"gate --quick --launches 3 --to {{python}} {ON_STAND_INS}", "--resume"),
    Command(
        "gate in turn",
        f"gate --config tiny --launches 2 --from {{home}}/old --to {{python}} {ON_STAND_INS}",
        "--resume",
    ),
    Command(
        "upgrade",
        f"upgrade --from {{home}}/old --to {{python}} --config tiny --speed-only {ON_STAND_INS}",
        "--resume",
    ),
    Command("run", "run --config tiny --no-speed --launches 4 --python {python} --output {out}"),
    Command("lockstep", "lockstep --from {numpy} --to {numpy} --steps 60 --baselines {home}/baselines"),
    Command("micro", f"micro --from {{micro}} --to {{micro}} --target step --launches 6 {ON_STAND_INS}"),
    Command("record", "record {home}/run --reason abuse --replace --baselines {out}/baselines", no_room=(2, 4)),
    Command("build", "lockstep --from 2.98.0 --to 2.99.0 --baselines {home}/baselines", no_room=(2, 4)),
    Command("gate of TensorFlow", "gate --quick --launches 1 --to {python} --output {out}", "--resume", real=True),
    Command(
        "upgrade of TensorFlow",
        "upgrade --from {python} --to {python} --config tiny --numerics-only --output {out}",
        "--resume",
        real=True,
    ),
    Command("lockstep of TensorFlow", "lockstep --from {python} --to {python} --steps 60", real=True),
    Command("train", "train --config tiny --python {python} --output {out}", "--resume", real=True),
    Command(
        "micro of TensorFlow",
        "micro --from {python} --to {python} --config tiny --target step --launches 2 --output {out}",
        real=True,
    ),
)
DISTURBANCES = (
    Disturbance("SIGKILL", (KILL,), (-9,)),
    Disturbance("SIGTERM", (TERM,), (4,)),
    Disturbance("SIGINT", (INT,), (4,)),
    Disturbance("SIGINT twice", (INT, INT), (4,)),
    Disturbance("SIGSTOP and SIGCONT", (STOP, signal.SIGCONT)),
    Disturbance("SIGKILL of a child", (KILL,), CHILD_LOST, "child"),
    Disturbance("SIGTERM of a child", (TERM,), CHILD_LOST, "child"),
    Disturbance("SIGSTOP and SIGCONT of a child", (STOP, signal.SIGCONT), whom="child"),
    Disturbance("SIGSTOP of a child, SIGINT", (STOP, INT), (4,), "both"),
    Disturbance("SIGSTOP of a child, SIGKILL", (STOP, KILL), (-9,), "both"),
    Disturbance("disk full", room_kib=(4, 400)),
    Disturbance("read-only folder", codes=(2,), read_only=True),
    Disturbance("lock of a dead process", lock="dead"),
    Disturbance("lock of a process that ends", lock="alive"),
    Disturbance("two at once", codes=(2, 4), twice=True),
    Disturbance("clock that jumps", before=JUMP),
)
OF_BUILDS = (
    Disturbance("SIGKILL of uv", (KILL,), (2, 4), "uv"),
    Disturbance("SIGKILL", (KILL,), (-9,)),
    Disturbance("SIGTERM", (TERM,), (4,)),
    Disturbance("disk full", room_kib=(4, 4000)),
    Disturbance("two at once", codes=(2, 4), twice=True),
    Disturbance("half a cache entry", cache=True),
)
SIGNALS = DISTURBANCES[:10]


def drawn(seed: int, *, real: bool) -> tuple[Command, Disturbance, random.Random]:
    """Returns what a seed stands for, and the stream of its other numbers."""
    draw = random.Random(f"processes {seed}")
    command = draw.choice([one for one in COMMANDS if one.real is real])
    if real:
        return command, draw.choice(SIGNALS), draw
    return command, draw.choice(OF_BUILDS if command.name == "build" else DISTURBANCES), draw


@dataclasses.dataclass(frozen=True)
class Furniture:
    """The files of the commands: stand-ins for interpreters, baselines, a run to record, wheels of environments."""

    home: Path
    names: dict[str, str]  # what stands for {python} and the like
    before: str  # code that a command on stand-ins runs first


def furnish(home: Path) -> Furniture:
    """Fills a folder."""
    baselines, wheels = home / "baselines", home / "wheelhouse"
    for folder in (baselines, wheels):
        folder.mkdir(parents=True)
    (baselines / "margins.toml").write_text(MARGINS_TEXT, encoding="utf-8")
    write_record(home / "run" / "run.json", run(records()), seal=True)
    slow: Callable[[str], str] = lambda name: noisy_side(home / name, PACKAGES, midway="time.sleep(0.001)")  # noqa: E731
    names = {
        "home": str(home),
        "python": slow("new"),
        "old": slow("old"),
        "numpy": numpy_interpreter(home),
        "micro": str(micro_interpreter(home, {STEP: 0.1}, {STEP: 0.101}, planted="import time; time.sleep(0.2)")),
    }
    for version, keras in (("2.98.0", "keras"), ("2.99.0", "keras>=3.1")):
        write_wheel(wheels, "tensorflow-cpu", version, keras, module="tensorflow")
    write_wheel(wheels, "keras", "3.2.0", text="#" * 1_000_000)
    oracle = write_interpreter(home / "oracle-python", FAKE_ORACLE)
    return Furniture(home, names, STAND_IN.format(oracle=oracle))


def line_of(command: Command, furniture: Furniture, out: Path, python: str, before: str = "") -> list[str]:
    """Returns the words that start a command."""
    names = {**furniture.names, "out": str(out), **({"python": python} if command.real else {})}
    on_stand_ins = "{python}" in command.words and not command.real
    code = f"import sys\n{furniture.before if on_stand_ins else ''}{before}\n{MAIN}"
    return [sys.executable, "-c", code, *(word.format(**names) for word in command.words.split())]
