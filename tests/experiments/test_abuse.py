"""The abuse of files and processes: nothing is broken by some draws, and each rule can be seen to be broken."""

import dataclasses
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from experiments.abuse import files, left, processes
from experiments.abuse.__main__ import main
from experiments.abuse.files import draw_file
from experiments.abuse.mutations import ESCAPE, JSON, Mutation
from experiments.abuse.outcomes import OUTPUT, REAL_PROCESSES, Outcome, append, batch_of, made, next_seeds, read_batches
from experiments.abuse.scenarios import COMMANDS, DISTURBANCES, OF_BUILDS, Furniture, drawn
from experiments.abuse.stored import KINDS, Kind, lay_out
from experiments.markdown import filled

FEW = 2  # draws of each kind of file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("abuse") / "files"
    lay_out(place)
    return place


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_wrong_file_is_refused_in_a_line_or_says_the_same(kind: Kind, folder: Path) -> None:
    before = (folder / kind.path).read_bytes()
    for seed in range(10**6, 10**6 + FEW):
        outcome = draw_file(kind, seed, folder)
        assert outcome.broken == "", outcome
    assert draw_file(kind, seed, folder) == outcome  # a draw can be had again
    assert (folder / kind.path).read_bytes() == before


def kind_read_by(reader: Callable[[Path], int], *mutations: Mutation) -> Kind:
    """A sealed run of which one of the mutations is made."""
    return Kind("run", "run/run.json", (reader,), mutations or JSON[:1], sealed=True)


def broken(kind: Kind, folder: Path) -> str:
    return draw_file(kind, 0, folder).broken


def says(text: str, code: int = 2) -> Callable[[Path], int]:
    def reader(folder: Path) -> int:
        print(text, file=sys.stderr)
        return code

    return reader


def test_what_takes_all_takes_wrong_data(folder: Path) -> None:
    assert "wrong data is taken" in broken(kind_read_by(lambda folder: 0), folder)


def test_a_traceback_a_silence_and_many_words_are_broken(folder: Path) -> None:
    def fails(folder: Path) -> int:
        raise KeyError("losses")

    assert "KeyError" in broken(kind_read_by(fails), folder)
    assert "does not name the file" in broken(kind_read_by(says("tfgate: error: it is damaged")), folder)
    assert broken(kind_read_by(says("tfgate: error: run.json is damaged")), folder) == ""
    assert "2 lines" in broken(kind_read_by(says("tfgate: error: run.json is\ndamaged")), folder)
    assert "characters" in broken(kind_read_by(says("tfgate: error: run.json" + "!" * 2000)), folder)
    assert "exit code 7" in broken(kind_read_by(says("tfgate: error: run.json is damaged", 7)), folder)


def test_what_is_written_elsewhere_and_what_takes_too_long_or_too_much_is_broken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def escapes(folder: Path) -> int:
        calls.append(1)
        (folder.parent / "escaped").touch()
        if len(calls) == 1:  # the whole file
            (folder.parent / "escaped").unlink()
        return 0

    calls: list[int] = []
    assert "escaped" in broken(kind_read_by(escapes), folder)
    (folder.parent / "escaped").unlink()

    def unpacks(folder: Path) -> int:
        calls.append(1)
        if len(calls) > 3:
            (folder / "out").mkdir(exist_ok=True)
            (folder / "out" / ESCAPE).touch()
        return 0

    assert f"out/{ESCAPE}" in broken(kind_read_by(unpacks), folder)  # beside what the command writes of an archive
    assert "MemoryError" in broken(kind_read_by(lambda folder: len(bytes(3 * 2**30))), folder)

    def endless(folder: Path) -> int:
        while True:
            pass

    monkeypatch.setattr(files, "MOST_SECONDS", 0.1)
    assert "TooLong" in broken(kind_read_by(endless), folder)


def test_every_mutation_changes_what_it_should(folder: Path) -> None:
    """A kind whose mutations change nothing would show nothing."""
    for kind in KINDS:
        whole = (folder / kind.path).read_bytes()
        for number, mutation in enumerate(kind.mutations):
            changed = (mutation.change(whole, random.Random(f"{number} {seed}")) for seed in range(4))
            assert any(one != whole for one in changed), (kind.name, mutation.name)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "abuse.jsonl"
    first = [Outcome("run", seed, "refused") for seed in range(3)]
    append(batch_of(first, "2026-01-01", "abc"), path)
    append(batch_of([Outcome("run", 3, "traceback", "nested: KeyError | 'a'")], "2026-01-02", "def"), path)
    append(batch_of([Outcome("processes", 0, "SIGINT, gate")], "2026-01-02", "def"), path)
    return path


def test_what_was_found_is_counted(kept: Path) -> None:
    batches = read_batches(kept)
    found = [next_seeds(kind, batches, 10, 3) for kind in ("run", "processes", "none")]
    assert found == [range(4, 7), range(1, 4), range(3)]
    assert next_seeds("run", batches, 4, 3) == range(4, 4)
    assert next_seeds("run", [*batches, dataclasses.replace(batches[0], seeds=(6, 9))], 10, 3) == range(4, 6)
    text = "".join(made(batches).values())
    assert "**1 of 5 draws broke a rule.**" in text
    assert "| run | 0–3 | 2026-01-01 | 3 | 0 | 0 | 3 (nested: KeyError   'a') |" in text
    assert "| SIGINT | 1 |" in text
    assert "seeds 0–0 of the 490 that are asked for, since 2026-01-02; broken: none." in text


def test_the_document_is_of_what_was_found() -> None:
    text = OUTPUT.read_text(encoding="utf-8")
    assert text == filled(text, made(read_batches())), "python -m experiments.abuse --document"


def test_no_seed_was_left_out() -> None:
    batches = read_batches()
    for kind in {batch.kind for batch in batches}:
        spans = sorted(batch.seeds for batch in batches if batch.kind == kind)
        assert spans[0][0] == 0
        assert [span[0] for span in spans[1:]] == [span[1] for span in spans[:-1]]
    assert all(sum(batch.ends.values()) == batch.seeds[1] - batch.seeds[0] for batch in batches)


def test_each_disturbance_is_drawn_of_each_command() -> None:
    found = {(drawn(seed, real=False)[0].name, drawn(seed, real=False)[1].name) for seed in range(3000)}
    wanted = [command for command in COMMANDS if not command.real]
    tables = [(command, OF_BUILDS if command.name == "build" else DISTURBANCES) for command in wanted]
    assert found == {(command.name, one.name) for command, table in tables for one in table}


@pytest.fixture
def left_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The token of a process that is left behind, stopped."""
    monkeypatch.setattr(left, "GONE_SECONDS", 0.2)
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, left.TOKEN: "left"}) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)  # it stops once `exec` is through: before that it has no environment
        yield "left"
        process.kill()


def test_processes_and_files_that_are_left_are_seen(
    left_process: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(left, "SHARED_MEMORY", tmp_path / "shared")  # others' folders may lie in the machine's
    assert left.left_processes(left_process) == ["sleep 1000"]
    assert left.left_processes("another") == []
    (tmp_path / "tmp" / "tfgate-1").mkdir(parents=True)
    assert "temporary folders are left" in left.left_files(tmp_path)
    (tmp_path / "tmp" / "tfgate-1").rmdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text('{"schema": 5, "reco')
    assert "run.json is half written" in left.left_files(tmp_path)
    (tmp_path / "out" / "run.json").unlink()
    (tmp_path / "out" / "checkpoint.npz").write_bytes(b"damaged")
    assert "checkpoint.npz is half written" in left.left_files(tmp_path)
    assert left.result(tmp_path / "out") == {}


def test_a_command_that_hangs_is_killed_and_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(left, "GONE_SECONDS", 5.0)
    monkeypatch.setattr(processes, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(processes, "line_of", lambda *_: ["sh", "-c", "sleep 1000; true"])
    (at_once,) = (one for one in DISTURBANCES if one.twice)
    runs = processes.Processes(Furniture(tmp_path, {}, ""), "", real=False)
    ended = runs._run(COMMANDS[0], tmp_path, at_once)
    found = processes._flaw(COMMANDS[0], at_once, ended, processes.Ended(0, "", 1.0))
    assert found == "exit code 124 where 0 is usual: " + 2 * "no end after 0.2 s\n"
    assert left.left_processes(runs._token) == []


def test_a_draw_in_which_no_process_got_a_signal_is_too_late(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs = processes.Processes(Furniture(tmp_path, {}, ""), "", real=False)
    monkeypatch.setattr(processes, "line_of", lambda *_: ["sleep", "0.2"])  # which starts no process
    draws = ((seed, *drawn(seed, real=False)) for seed in range(1000))
    seed = next(seed for seed, of, by, _ in draws if (of.name, by.name) == ("run", "SIGKILL of a child"))
    assert runs.draw(seed) == Outcome("processes", seed, "too late, run")
    (terminated,) = (one for one in DISTURBANCES if one.name == "SIGTERM")
    for line, moment, late in ((["sleep", "1000"], 0.1, False), (["true"], 600.0, True)):
        monkeypatch.setattr(processes, "line_of", lambda *_, line=line: line)
        runs._run(COMMANDS[0], tmp_path, terminated, moment)
        assert runs._late is late


@pytest.mark.parametrize(
    ("code", "error", "flaw"),
    [
        (4, "tfgate: error: interrupted", ""),
        (0, "", ""),  # it had ended before
        (1, "", "exit code 1 where 0 is usual"),
        (-signal.SIGTERM, "", "exit code -15 where 0 is usual"),
        (4, "", "exit code 4 and 0 lines that say why"),
        (4, "Traceback (most recent call last):", "a traceback"),
    ],
)
def test_the_exit_code_and_the_line_of_an_interrupted_command_are_judged(code: int, error: str, flaw: str) -> None:
    (terminated,) = (one for one in DISTURBANCES if one.name == "SIGTERM")
    usual, ended = processes.Ended(0, "", 1.0), processes.Ended(code, error, 1.0)
    found = processes._flaw(COMMANDS[0], terminated, ended, usual)
    assert found.startswith(flaw)
    assert bool(found) == bool(flaw)


def test_lost_launches_are_seen() -> None:
    before, after = ({"paired.json": {"pairs": pairs}} for pairs in ([{"launch": 0}, {"launch": 1}], [{"launch": 0}]))
    assert left.lost(before, before, {}) == ""
    assert left.lost(before, after, {}) == "1 finished launches of paired.json are lost"
    assert left.lost({}, {"checkpoint.npz": {"a": b"1"}}, {"checkpoint.npz": {"a": b"2"}})
    assert "is missing" in left.lost({}, {}, {"run.json": {}})


def test_a_tensorflow_that_can_t_be_measured_is_no_draw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its commands end alike, disturbed or not."""
    monkeypatch.setattr(processes, "line_of", lambda *_: ["sh", "-c", "echo no such interpreter >&2; exit 2"])
    runs = processes.Processes(Furniture(tmp_path, {}, ""), "/no/python", real=True)
    with pytest.raises(ValueError, match="of TensorFlow, undisturbed: exit code 2: no such interpreter"):
        runs.draw(next(seed for seed in range(100) if "of TensorFlow" in drawn(seed, real=True)[0].name))


def test_an_interpreter_that_is_not_there_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it is asked for: files alone take none."""
    missing = ["--python", "/no/python", "--seed", "1000000", "--only"]
    with pytest.raises(SystemExit, match="2"):
        main([*missing, REAL_PROCESSES])
    assert "error: no interpreter /no/python: " in capsys.readouterr().err
    assert main([*missing, "run"]) == 0


@pytest.mark.slow
def test_five_minutes_of_abuse_break_nothing(newest_python: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--minutes", "5", "--python", str(newest_python)])
    assert code == 0, capsys.readouterr().out


def test_a_kind_that_there_is_not_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TFGATE_PYTHON_TF221", raising=False)
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "misspelled"])
    assert "error: no kind misspelled; there are run, upgrade, gate, " in capsys.readouterr().err
