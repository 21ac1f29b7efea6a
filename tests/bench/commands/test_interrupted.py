"""On Ctrl-C each command names the files that it keeps, and tells how to go on."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.commands.errors import ENDING
from bench.record.files import write_record
from tests.builders.commands import Tfgate, noisy_side
from tests.builders.micro import micro_interpreter
from tests.builders.records import records, run

ROOT = Path(__file__).resolve().parents[3]
BEFORE = "interrupted: nothing was finished yet, and nothing is kept"
KEPT = "interrupted: what was finished is kept in {out}"


@pytest.mark.parametrize(
    ("command", "patched", "there", "said"),
    [
        ("run", "bench.commands.run.timing", "", BEFORE),
        ("run", "bench.commands.run.timing", "run.json", KEPT),
        ("micro", "bench.commands.micro.require_suite", "", BEFORE),
        ("micro", "bench.commands.micro.require_suite", "micro.json", KEPT),
        ("train", "bench.commands.train._train", "small/checkpoint.npz", BEFORE),  # which is of another configuration
        (
            "train --resume",
            "bench.commands.train._train",
            "checkpoint.npz",
            f"{KEPT}: go on by the same command with --resume --output {{quoted}}",
        ),
        ("lockstep", "bench.commands.lockstep.run_lockstep", "", "interrupted"),
        ("profile", "bench.commands.profile.run_profile", "", BEFORE),
        ("profile", "bench.commands.profile.run_profile", "candidate/profile.json", KEPT),
        ("doctor", "bench.commands.doctor.examine", "", "interrupted"),
    ],
)
def test_each_command_says_what_it_keeps(
    command: str,
    patched: str,
    there: str,
    said: str,
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "my run"

    def interrupted(*given: object, **named: object) -> None:
        if there and command == "profile":
            write_record(out / there, run(records()))
        raise KeyboardInterrupt

    monkeypatch.setattr(patched, interrupted)
    if there and command != "profile":  # which takes no folder with a profile
        write_record(out / there, run(records()))
    python = noisy_side(tmp_path / "python", {"tensorflow-cpu": "9.9.9"})
    name, *more = command.split()
    if name in ("micro", "lockstep"):
        python = str(micro_interpreter(tmp_path))
        more += ["--from", python, "--to", python, "--baselines", str(baselines)]
    elif name == "profile":
        more += ["--to", python, "--baselines", str(baselines)]
    elif name != "doctor":
        more += ["--python", python, "--config", "tiny"]
    more += ["--output", str(out)] if name not in ("lockstep", "doctor") else []
    answer = tfgate(name, *more)
    assert (answer.code, answer.error) == (4, said.format(out=out, quoted=shlex.quote(str(out))))


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_a_signal_while_modules_are_imported_shows_no_traceback(number: signal.Signals) -> None:
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # pytest may run under nohup
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'bench.commands.doctor': os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from bench.cli import main\n"
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "tfgate: error: interrupted\n")
