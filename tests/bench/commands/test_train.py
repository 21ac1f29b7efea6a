"""`tfgate train`: its folders and its answer. Training itself: tests/lm/training/test_full.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.commands import Tfgate, snapshot
from tests.builders.fake_interpreter import session_text, write_interpreter

ROOT = Path(__file__).resolve().parents[3]

# `tiny` diverges, other configurations are trained.
DIVERGING = """
class DivergenceError(Exception):
    pass

class Session(Session):
    def open(self, **asked):
        self.config = asked["config"]
        return super().open(**asked)

    def train(self, checkpoint, resume):
        if self.config == "tiny":
            raise DivergenceError("the loss is nan at step 3")
        yield {"TestResult": {"test_perplexity": 99.0, "test_tokens": 80}}
"""

RESUMED = """
class Session(Session):
    def train(self, checkpoint, resume):
        yield {"TestResult": {"test_perplexity": 99.0, "test_tokens": 80, "resumed": resume}}
"""

WAITING = """
class Session(Session):
    def train(self, checkpoint, resume):
        yield {"Progress": {"step": 1, "steps": 2, "perplexity": 99.0, "words_per_second": 80.0}}
        until = time.monotonic() + 120
        while not os.path.exists(os.path.join(os.path.dirname(checkpoint), "go on")) and time.monotonic() < until:
            time.sleep(0.01)
        yield {"TestResult": {"test_perplexity": 99.0, "test_tokens": 80}}
"""


TOLD = """
class Session(Session):
    def train(self, checkpoint, resume):
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == "-1"
        told = {"test_perplexity": float(os.environ["TOLD"]), "test_tokens": 80, "hidden": hidden}
        yield {"TestResult": told}
"""


def test_an_interpreter_that_is_missing_is_a_failed_measurement(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("train", "--config", "tiny", "--python", "nowhere/python", "--output", tmp_path / "training")
    assert (found.code, "nowhere/python" in found.error) == (4, True)
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize(("device", "hidden"), [("cpu:0", True), ("gpu:0", False)])
def test_a_training_has_the_environment_that_was_asked_for(
    tfgate: Tfgate, tmp_path: Path, device: str, hidden: bool
) -> None:
    """With its GPUs hidden where it has a CPU."""
    python = write_interpreter(tmp_path / "python", session_text(TOLD))
    words = ("train", "--python", python, "--env", "TOLD=5", "--config", "tiny", "--device", device, "--json")
    found = tfgate(*words, "--output", tmp_path / "out")
    assert (found.plain["test_perplexity"], found.plain["hidden"]) == (5.0, hidden)


def test_a_training_that_is_there_is_left_alone(tfgate: Tfgate, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(b"weights")
    found = tfgate("train", "--config", "tiny", "--output", tmp_path)
    assert found.code == 2
    assert "--resume" in found.error
    assert snapshot(tmp_path) == {"checkpoint.npz": b"weights"}


def test_several_configurations_have_folders_of_their_own(tfgate: Tfgate, tmp_path: Path) -> None:
    """Interrupted in the first, the same command goes on with it, and starts the other."""
    out = tmp_path / "out"
    more = ["--config", "notebook", "--config", "small", "--output", out, "--json"]
    more += ["--python", write_interpreter(tmp_path / "python", session_text(RESUMED))]
    assert f"no checkpoint of notebook or small in {out}:" in tfgate("train", *more, "--resume").error
    (out / "notebook").mkdir(parents=True)
    (out / "notebook" / "checkpoint.npz").write_bytes(b"weights")
    assert tfgate("train", *more).error.startswith(f"{out / 'notebook'} ")
    assert [one["resumed"] for one in tfgate("train", *more, "--resume").plain] == [True, False]
    alone = tfgate("train", "--config", "small", "--output", out, "--resume")
    assert (alone.code, f"no checkpoint of small in {out}:" in alone.error) == (2, True)  # its folder would be another


def test_a_result_says_whether_it_was_resumed(tfgate: Tfgate, tmp_path: Path) -> None:
    """Its environment is that of the last process, and another may have trained the epochs before."""
    out, python = tmp_path / "out", write_interpreter(tmp_path / "python", session_text(DIVERGING))
    words = ("train", "--config", "notebook", "--python", python, "--json", "--output", out)
    fresh = tfgate(*words)
    assert (fresh.plain["resumed"], "warning" in fresh.err) == (False, False)
    (out / "checkpoint.npz").write_bytes(b"weights")
    resumed = tfgate(*words, "--resume")
    assert (resumed.plain["resumed"], json.loads((out / "result.json").read_text())["resumed"]) == (True, True)
    assert "result.json will name this TensorFlow, machine and command alone, whatever trained before" in resumed.err


def test_two_trainings_at_once_have_two_folders(tfgate: Tfgate, tmp_path: Path) -> None:
    """The folder's default name is the second in which the command starts."""
    out, python = tmp_path / "out", write_interpreter(tmp_path / "python", session_text(WAITING))
    words = ["train", "--python", python, "--output", str(out), "--config"]
    first = subprocess.Popen(
        [sys.executable, "-m", "bench", *words, "tiny"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert first.stderr is not None
    assert first.stderr.readline().startswith("Itr 1 of 2")
    second = tfgate(*words, "notebook")
    (out / "go on").touch()
    first.communicate()
    assert (second.code, second.error) == (2, f"another process trains in {out}: choose another --output")
    assert (first.returncode, json.loads((out / "result.json").read_text())["subject"]["config"]) == (0, "tiny")


def test_a_training_that_diverged_is_null_for_programs(tfgate: Tfgate, tmp_path: Path) -> None:
    python = write_interpreter(tmp_path / "python", session_text(DIVERGING))
    more = ["--python", python, "--output", tmp_path / "out", "--json"]
    found = tfgate("train", "--config", "tiny", *more)
    assert (found.code, found.out) == (1, "null\n")
    found = tfgate("train", "--config", "tiny", "--config", "notebook", *more)
    first, other = json.loads(found.out)
    assert (found.code, first, other["test_perplexity"]) == (1, None, 99.0)
