"""Files are written whole or not at all, never over another, and read only if they are what they should be."""

import dataclasses
import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import unittest.mock
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record.codec import FormatError
from bench.record.files import SEAL, keeper, read_record, replace_records, unsealed, write_record, write_text
from bench.record.types import SCHEMA, Baseline, Run

ROOT = Path(__file__).resolve().parents[3]

# Writes 100 kB to the path in its first argument and says how that ended.
WRITER = """
import os
import sys
from pathlib import Path
from bench.record.files import write_text
try:
    write_text(Path(sys.argv[1]), "x" * int(os.environ.get("LETTERS", "100000")), replace=sys.argv[2:] == ["replace"])
except OSError as error:
    print(error.errno, error.filename)
"""


def write_in_process(*arguments: str, command: tuple[str, ...] = (), before: Callable[[], None] | None = None) -> str:
    """Returns the output of WRITER with these arguments, started by that command after that call."""
    argv = [*command, sys.executable, "-c", WRITER, *arguments]
    return subprocess.run(
        argv, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, preexec_fn=before
    ).stdout.strip()


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))


def test_a_record_comes_back_from_its_file(tmp_path: Path, run: Run, baseline: Baseline) -> None:
    write_record(tmp_path / "new" / "folder" / "run.json", run)
    write_record(tmp_path / "baseline.json", baseline)
    # As text: NaN is unequal to itself.
    assert repr(read_record(Run, tmp_path / "new" / "folder" / "run.json")) == repr(run)
    assert read_record(Baseline, tmp_path / "baseline.json") == baseline


@pytest.mark.parametrize("links", [True, False])
def test_nothing_is_overwritten_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """Nor on a file system without hard links."""
    refused = unittest.mock.Mock(side_effect=PermissionError(errno.EPERM, "Operation not permitted"))
    if not links:
        monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "a"
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", refused)
        if not links:
            with pytest.raises(PermissionError):
                write_text(path, "lost")
            assert os.listdir(tmp_path) == []
    write_text(path, "first")
    with pytest.raises(FileExistsError, match=f"{path} exists already and is not overwritten: choose another place"):
        write_text(path, "second")
    assert path.read_text() == "first"
    write_text(path, "third", replace=True)
    assert path.read_text() == "third"
    assert os.listdir(tmp_path) == ["a"]


def test_a_keeper_replaces_only_what_it_wrote_itself(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "new" / "run.json"
    keep = keeper(path)
    assert not path.exists()
    for warning in ("first", "second"):
        keep(dataclasses.replace(run, warnings=(warning,)))
        assert read_record(Run, path).warnings == (warning,)
    with pytest.raises(FileExistsError, match=f"{path} exists already and is not overwritten: choose another place"):
        keeper(path)(run)
    assert read_record(Run, path).warnings == ("second",)


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="a file, not a folder: choose another place") as caught:
        write_text(tmp_path / "file" / "run.json", "")
    assert caught.value.filename == str(tmp_path / "file")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """EFBIG (27) at 10 kB stands for any failure midway."""
    path = tmp_path / "run.json"
    assert write_in_process(str(path), before=limit_file_size) == f"27 {path}"
    assert os.listdir(tmp_path) == []


def test_a_short_write_that_fails_names_its_file_too(tmp_path: Path) -> None:
    """It is in a buffer until the end, and closing the file tries once more."""

    def at_once() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    path = tmp_path / "run.json"
    assert write_in_process(str(path), command=("env", "LETTERS=5000"), before=at_once) == f"27 {path}"
    assert os.listdir(tmp_path) == []


def test_a_replacement_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("before")
    assert write_in_process(str(path), "replace", before=limit_file_size) == f"27 {path}"
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["run.json"]


def test_of_several_records_all_are_replaced_or_none(tmp_path: Path, run: Run, baseline: Baseline) -> None:
    """The folder of the second is a file."""
    first, second = tmp_path / "a.json", tmp_path / "file" / "b.json"
    first.write_text("before")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError) as caught:
        replace_records({first: run, second: baseline})
    assert caught.value.filename == str(second.parent)
    assert (first.read_text(), sorted(os.listdir(tmp_path))) == ("before", ["a.json", "file"])
    second.parent.unlink()
    replace_records({first: run, second: baseline})
    assert read_record(Baseline, second) == baseline
    assert (first.read_text() == "before", os.listdir(second.parent)) == (False, ["b.json"])


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """ENOSPC (28) on a disk of 16 kB, mounted in a namespace of its own."""
    unshare = shutil.which("unshare")
    isolated = (unshare or "", "--user", "--map-root-user", "--mount")
    if (
        not unshare
        or subprocess.run([*isolated, "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True).returncode
    ):
        pytest.skip("this system lets no process mount a disk of its own (unshare --user --mount)")
    shown = f"ls -A {tmp_path} && touch {tmp_path}/small && ls -A {tmp_path}"
    script = f'mount -t tmpfs -o size=16k none {tmp_path} && "$@" && {shown}'
    printed = write_in_process(str(tmp_path / "run.json"), command=(*isolated, "sh", "-c", script, "sh"))
    assert printed.splitlines() == [f"28 {tmp_path}/run.json", "small"]


def test_a_read_only_disk_names_the_file_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There Linux refuses to unlink even a file that doesn't exist."""

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OSError, match="Read-only file system") as caught:
        write_text(tmp_path / "run.json", "")
    assert (caught.value.errno, caught.value.filename) == (errno.EROFS, str(tmp_path / "run.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "{path} is damaged or was not written by tfgate: not JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            b'{"schema": 5, "created": "20',
            "{path} is damaged or was not written by tfgate: not JSON: Unterminated string starting at",
        ),
        (b"\xff\xfe", "{path} is damaged or was not written by tfgate: 'utf-8' codec can't decode byte 0xff"),
        (
            b"[]",
            "{path} can't be read as a run: it has no schema version, so it is no report of tfgate's",
        ),
        (b'{"schema": 99}', "{path} can't be read as a run: its schema version is 99 and this tfgate reads 5"),
        (b'{"schema": "5"}', "{path} can't be read as a run: its schema version is '5' and this tfgate reads 5"),
        (b'{"schema": 5}', "{path} can't be read as a run: Run: field 'command' is missing"),
    ],
    ids=["empty", "cut off", "no text", "a list", "unknown schema", "schema of another type", "no run"],
)
def test_what_is_not_a_record_is_refused_with_its_path(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(text)
    assert SCHEMA == 5  # the messages above count on it
    with pytest.raises(FormatError) as caught:
        read_record(Run, path)
    assert str(caught.value).startswith(message.format(path=path))


def test_the_schema_is_looked_at_before_the_fields(tmp_path: Path, run: Run) -> None:
    """A file of a later version may hold anything: what to say is that it is later."""
    write_record(tmp_path / "run.json", run)
    plain = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**plain, "schema": SCHEMA + 1, "surprise": 1}))
    with pytest.raises(FormatError, match=f"schema version is {SCHEMA + 1}"):
        read_record(Run, tmp_path / "run.json")


def test_a_run_is_not_read_as_a_baseline(tmp_path: Path, run: Run) -> None:
    write_record(tmp_path / "run.json", run)
    with pytest.raises(FormatError, match="can't be read as a baseline: Baseline: unknown field 'incomplete'"):
        read_record(Baseline, tmp_path / "run.json")


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_record(Run, tmp_path / "none.json")


def test_a_report_that_was_changed_is_refused_until_its_seal_is_deleted(tmp_path: Path, run: Run) -> None:
    """One digit of a time, as a bit that flips on a disk changes it; then JSON that another program has laid out."""
    path = tmp_path / "run.json"
    keeper(path)(run)
    text = path.read_text()
    assert repr(read_record(Run, path)) == repr(run)
    changed = text.replace(run.created, run.created.replace("2026", "2027"))
    for wrong in (changed, json.dumps(json.loads(changed))):
        assert wrong != text
        path.write_text(wrong)
        with pytest.raises(
            FormatError, match=f"{path} was changed since tfgate wrote it: restore it, or delete its line"
        ):
            read_record(Run, path)
    path.write_text(unsealed(changed))
    assert SEAL not in unsealed(changed)
    assert read_record(Run, path).created.startswith("2027")


def test_baselines_have_no_seal_for_git_merges_them(tmp_path: Path, baseline: Baseline) -> None:
    write_record(tmp_path / "baseline.json", baseline)
    assert SEAL not in (tmp_path / "baseline.json").read_text()
