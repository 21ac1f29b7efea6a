"""The environment of a worker, and the name by which its interpreter is started."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.drive.plan import Plan
from bench.drive.private import private_environment
from bench.drive.process import Worker
from bench.record.lockstep import Prepared
from tests.builders.fake_interpreter import Fake

pytestmark = pytest.mark.usefixtures("nothing_left")


def reply_of(python: str, kind: Any, variables: dict[str, str] | None = None, device: str = "cpu:0") -> Any:
    with Worker(python, "tensorflow", device, variables) as worker:
        return worker.request(kind, "work")


DUMP = "send(json.dumps({'reply': dict(os.environ)}) + '\\n')"


def variables_of(python: str, variables: dict[str, str] | None = None, device: str = "cpu:0") -> dict[str, str]:
    found: dict[str, str] = reply_of(python, dict[str, str], variables, device)
    return found


def test_what_is_pythons_own_does_not_reach_the_worker(fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME_", "PYTHONSTARTUP", "VIRTUAL_ENV", "KERAS_HOME", "KERAS_BACKEND"):
        monkeypatch.setenv(name, "/poison")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--poison")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = variables_of(fake_interpreter(DUMP))
    assert [name for name, value in found.items() if "poison" in value] == []
    assert found["OMP_NUM_THREADS"] == "3"
    assert found["KERAS_BACKEND"] == "tensorflow"


def test_the_imports_are_lm_and_bench_alone(fake_interpreter: Fake, temporary: Path) -> None:
    body = (
        "names = sorted(os.listdir(os.environ['PYTHONPATH']))\n"
        "send(json.dumps({'reply': [os.getcwd(), os.environ['KERAS_HOME'], *names]}) + '\\n')"
    )
    folder, keras, *names = reply_of(fake_interpreter(body), tuple[str, ...])
    assert names == ["bench", "lm"]
    assert Path(folder).parent == temporary
    assert Path(keras).parent == Path(folder)


@pytest.mark.parametrize("named", [True, False])
def test_keras_has_what_it_downloaded_and_no_settings(
    fake_interpreter: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """When the process ends, its links to it are deleted, and no file behind them."""
    kept = tmp_path / ".keras" / "datasets" / "mnist.npz"
    kept.parent.mkdir(parents=True)
    kept.write_text("images")
    (tmp_path / ".keras" / "keras.json").write_text("{}")
    monkeypatch.setenv("HOME", "/nowhere" if named else str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if named:
        monkeypatch.setenv("KERAS_HOME", ".keras")
    else:
        monkeypatch.delenv("KERAS_HOME", raising=False)
    body = (
        "home = os.environ['KERAS_HOME']\n"
        "found = [open(home + '/datasets/mnist.npz').read(), *os.listdir(home)]\n"
        "send(json.dumps({'reply': found}) + '\\n')"
    )
    assert reply_of(fake_interpreter(body), tuple[str, ...]) == ("images", "datasets")
    assert kept.read_text() == "images"


def test_the_size_of_the_environment_and_the_length_of_paths_differ_from_process_to_process(
    fake_interpreter: Fake,
) -> None:
    """All five alike would be a chance of 1 in 64⁴, and less."""
    python = fake_interpreter(DUMP)
    found = [variables_of(python) for _ in range(5)]
    assert len({len(variables["TFGATE_PADDING"]) for variables in found}) > 1
    assert len({len(variables["KERAS_HOME"]) for variables in found}) > 1


def test_a_pythonpath_that_was_asked_for_follows_what_is_measured_with(
    fake_interpreter: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder is meant from here, not from the worker's folder."""
    monkeypatch.chdir(tmp_path)
    path = variables_of(fake_interpreter(DUMP), {"PYTHONPATH": "a:/b/c"})["PYTHONPATH"].split(":")
    assert path[1:] == [str(tmp_path / "a"), "/b/c"]


def test_relative_paths_of_libraries_are_meant_from_here(
    fake_interpreter: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell's, too. A name without a slash is searched for, and `$ORIGIN` is the interpreter's folder."""
    python = fake_interpreter(DUMP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LD_LIBRARY_PATH", "lib:/b/lib:$ORIGIN/lib")
    found = variables_of(python, {"LD_PRELOAD": "libc.so.6 ./a.so:b/b.so /c/c.so"})
    assert found["LD_LIBRARY_PATH"] == f"{tmp_path}/lib:/b/lib:$ORIGIN/lib"
    assert found["LD_PRELOAD"] == f"libc.so.6 {tmp_path}/a.so:{tmp_path}/b/b.so /c/c.so"


def test_packages_of_the_same_names_on_a_pythonpath_hide_nothing(tmp_path: Path) -> None:
    for name in ("lm", "bench"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    with Worker(sys.executable, "referee", variables={"PYTHONPATH": str(tmp_path)}) as worker:
        prepared = worker.request(Prepared, "prepare", **Plan("tiny", 1).data())
    assert prepared.tensors


def test_a_relative_interpreter_is_meant_from_here(
    fake_interpreter: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_interpreter("send('{\"reply\": 1}\\n')")
    monkeypatch.chdir(tmp_path)
    assert reply_of("./interpreter", int) == 1


def test_a_bare_name_is_looked_up_in_the_search_path(
    fake_interpreter: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_interpreter("send('{\"reply\": 1}\\n')")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert reply_of("interpreter", int) == 1


def test_a_virtual_environments_interpreter_is_started_by_its_own_name(fake_interpreter: Fake, tmp_path: Path) -> None:
    """It is a link, by whose place Python finds the environment."""
    link = tmp_path / "bin" / "python"
    link.parent.mkdir()
    link.symlink_to(fake_interpreter("send(json.dumps({'reply': sys.argv[0]}) + '\\n')"))
    assert reply_of(str(link), str) == str(link)


def test_gpus_are_hidden_from_a_cpu_worker_alone(fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    python = fake_interpreter(DUMP)
    assert variables_of(python)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert variables_of(python, device="gpu:0")["CUDA_VISIBLE_DEVICES"] == "1"


def test_sides_on_a_gpu_share_its_memory_unless_told_otherwise(
    fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = fake_interpreter(DUMP)
    name = "TF_FORCE_GPU_ALLOW_GROWTH"
    assert (variables_of(python, device="gpu:0")[name], name in variables_of(python)) == ("true", False)
    monkeypatch.setenv(name, "false")
    assert variables_of(python, device="gpu:0")[name] == "false"


def test_numpy_has_one_thread_unless_the_user_says_otherwise(
    fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    python = fake_interpreter(DUMP)
    assert variables_of(python)["OPENBLAS_NUM_THREADS"] == "1"
    assert variables_of(python, {"OPENBLAS_NUM_THREADS": "2"})["OPENBLAS_NUM_THREADS"] == "2"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    assert variables_of(python)["OPENBLAS_NUM_THREADS"] == "4"


def test_the_oldest_tensorflow_has_its_own_numpy(
    oldest_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow 2.12 needs NumPy 1, the orchestrator has NumPy 2: on a leaking PYTHONPATH this would be the
    orchestrator's.
    """
    import numpy

    monkeypatch.setenv("PYTHONPATH", str(Path(numpy.__file__).parents[1]))
    command = [str(oldest_python), "-c", "import numpy; print(numpy.__version__)"]
    environment = private_environment(tmp_path, "cpu:0", {})
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert (numpy.__version__[:2], printed[:2]) == ("2.", "1.")
