"""Environments built by the real uv from small wheels; and, slow, a TensorFlow of its release's day."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
import unittest.mock
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.drive import inspection
from bench.drive.cache import LOCK_FILE, STORED_FILE, environments, installed
from bench.drive.environments import (
    PYTHON_OF_LOCKS,
    Resolved,
    UnlistedError,
    _kind,
    _name,
    newest_patches,
    prepare,
    prepare_reference,
    releases_between,
    resolved,
)
from bench.drive.lockfile import keras_of, read_lock, tensorflow_of
from bench.drive.requests import AsOf, BuildError, RequestError, read_as_of
from bench.record.paired import Package, Side
from bench.report.judged import reproducing
from tests.builders.paired import paired_run
from tests.builders.wheels import served_index, sha256, write_wheel

NOW = read_as_of("now")
UPLOADED = {
    "tensorflow_cpu-2.99.0-py3-none-any.whl": "2024-06-28T18:54:17Z",
    "keras-3.1.0-py3-none-any.whl": "2024-06-28T23:59:59Z",  # the same day, after TensorFlow
    "keras-3.2.0-py3-none-any.whl": "2024-06-29T00:00:00Z",  # the first moment of the next
}

pytestmark = pytest.mark.usefixtures("environment_cache")


def imported(side: Side, name: str) -> str:
    program = f"import {name}; print({name}.__version__)"
    return subprocess.run([side.interpreter, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def names(cache: Path) -> set[str]:
    """Returns the names in the cache but the locks."""
    return {path.name for path in cache.iterdir()} - {".locks"}


def test_a_version_is_built_from_a_wheelhouse_once(
    wheelhouse: Path, environment_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    side = prepare("2.99.0", NOW, variables={"TF_ENABLE_ONEDNN_OPTS": "0"}, say=said.append)
    assert (imported(side, "tensorflow"), imported(side, "keras")) == ("2.99.0", "3.2.0")
    assert side.packages == (
        Package("keras", "3.2.0", (sha256(wheelhouse / "keras-3.2.0-py3-none-any.whl"),)),
        Package("tensorflow-cpu", "2.99.0", (sha256(wheelhouse / "tensorflow_cpu-2.99.0-py3-none-any.whl"),)),
    )
    assert (side.requested, side.as_of, side.variables) == ("2.99.0", NOW.moment, {"TF_ENABLE_ONEDNN_OPTS": "0"})
    assert inspection.imported(side.interpreter) >= {"tensorflow-cpu"}
    folder = Path(side.interpreter).parents[1]
    assert names(environment_cache) == {folder.name}
    assert folder.name.startswith("tensorflow-cpu-2.99.0-")
    assert [line.split()[0] for line in said] == ["resolving", "building", "2.99.0:"]
    # What is there is used as it is, once another process is done with it. It is asked once what is installed in it.
    before, ask = os.stat(folder).st_ino, unittest.mock.Mock(wraps=inspection._ask)
    monkeypatch.setattr(inspection, "_ask", ask)
    monkeypatch.setattr(
        "bench.drive.environments.held", lambda cache, name, on_wait: on_wait() or contextlib.nullcontext()
    )
    said.clear()
    assert prepare("2.99.0", NOW, variables=side.variables, say=said.append) == side
    assert [line.split()[0] for line in said] == ["resolving", "waiting", "2.99.0:"]
    assert said[1] == f"waiting for another process that works on {folder.name}"
    assert [call.args[0] for call in ask.call_args_list].count(side.interpreter) == 1
    assert os.stat(folder).st_ino == before


def test_equal_locks_share_an_environment_and_others_do_not(wheelhouse: Path, environment_cache: Path) -> None:
    first, again = prepare("2.99.0", NOW), prepare("tensorflow-cpu >= 2.99 keras == 3.2.0", read_as_of("2030-01-01"))
    assert first.interpreter == again.interpreter
    assert first.packages == again.packages
    write_wheel(wheelhouse, "keras", "3.3.0")
    assert imported(prepare("2.99.0", NOW), "keras") == "3.3.0"
    assert len(environments(environment_cache)) == 2


def test_a_wheel_that_was_built_anew_has_another_hash(wheelhouse: Path, tmp_path: Path) -> None:
    """By which --resume knows it: name and version are as before."""
    path = write_wheel(tmp_path, "tensorflow", "2.99.0", "keras")
    before = prepare(str(path), NOW)
    write_wheel(tmp_path, "tensorflow", "2.99.0", "keras", text="BUILD = 2\n")
    after = prepare(str(path), NOW)
    assert (before.identity, before.interpreter != after.interpreter) == (after.identity, True)
    assert tensorflow_of(after.packages) == Package("tensorflow", "2.99.0", (sha256(path),))
    assert tensorflow_of(before.packages) != tensorflow_of(after.packages)


def test_environments_of_unlike_pythons_are_not_shared() -> None:
    """Of one lock, too."""
    lock = read_lock("tensorflow-cpu==2.99.0\n")
    assert len({_name("2.99.0", lock, inspection.Inspection("3.11.7", build, ())) for build in ("one", "other")}) == 2


def resolution(requested: str, as_of: AsOf = NOW) -> Resolved:
    """Returns what a version resolves to here."""
    found = resolved(requested, as_of, say=lambda line: None)
    assert found
    return found


def test_a_lock_that_was_sent_is_built_whatever_the_index_gives_by_now(wheelhouse: Path) -> None:
    """As if it had been resolved here, at that time; for another kind of Python it is of no use."""
    sent, before = resolution("2.99.0"), prepare("2.99.0", NOW)
    write_wheel(wheelhouse, "keras", "3.3.0")
    said: list[str] = []
    assert prepare("2.99.0", NOW, sent=sent, say=said.append) == before
    assert [line.split()[0] for line in said] == ["2.99.0:"]
    assert imported(before, "keras") == "3.2.0"
    other = dataclasses.replace(sent, kind=sent.kind.replace("cpython-3.", "cpython-3.9"))
    assert imported(prepare("2.99.0", NOW, sent=other), "keras") == "3.3.0"


def test_a_lock_that_was_sent_needs_no_dates_here(wheelhouse: Path) -> None:
    """Its moment is that of the machine that resolved it."""
    with served_index(wheelhouse, UPLOADED) as address, pytest.MonkeyPatch.context() as there:
        from_index(there, address)
        sent = resolution("2.99.0", read_as_of("release"))
    with served_index(wheelhouse, {}) as address, pytest.MonkeyPatch.context() as here:
        from_index(here, address)
        side = prepare("2.99.0", read_as_of("release"), sent=sent)
    found = keras_of(side.packages)
    assert found
    assert (found.version, side.as_of) == ("3.1.0", "2024-06-29T00:00:00Z")


def test_an_interpreter_is_resolved_without_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.drive.uv.find_uv_bin", unittest.mock.Mock(side_effect=FileNotFoundError))
    assert resolved(sys.executable, NOW, say=print) is None


@pytest.mark.parametrize(
    ("listed", "last", "newest"),
    [
        (["2.12.1", "2.13.0", "2.13.1", "2.14.0"], "2.15.1", ["2.12.1", "2.13.1", "2.14.0"]),
        (["2.15.0", "2.16.1"], "2.16.2", ["2.15.0"]),  # the last one is the newest of its own
        (["2.17.0rc1", "2.17.0"], "2.18.0rc0", ["2.17.0rc1", "2.17.0"]),
        (["2.22.0.dev20261101", "2.22.0.dev20261102"], "./python", ["2.22.0.dev20261101", "2.22.0.dev20261102"]),
        (["tensorflow==2.12.0", "tensorflow==2.12.1"], "tf-nightly", ["tensorflow==2.12.1"]),
        (["a==2.12.0 keras==3.4.1", "a==2.12.1 keras==3.4.1"], "a==2.13.0 keras==3.5.0", ["a==2.12.1 keras==3.4.1"]),
        (["a==2.12.0 keras==3.4.1"], "a == 2.12.1 keras==3.4.1", []),
        ([], "2.13.1", []),
    ],
)
def test_a_minor_version_has_one_newest_patch(listed: list[str], last: str, newest: list[str]) -> None:
    assert newest_patches(listed, last) == newest


def test_releases_are_named_as_the_first_one_is(wheelhouse: Path) -> None:
    """A version alone names tensorflow-cpu, and no nightly."""
    for package, version in (("tensorflow-cpu", "2.97.1"), ("tf-nightly-cpu", "2.97.2.dev20261101")):
        write_wheel(wheelhouse, package, version, "keras", module="tensorflow")
    ends = ("2.97.0", "2.98.1"), ("tf-nightly-cpu==2.97.1.dev20261031", "tf-nightly-cpu==2.98.0.dev20261130")
    listed = [releases_between(*two, NOW, python=sys.executable) for two in ends]
    assert listed == [["2.97.1", "2.98.0"], ["tf-nightly-cpu==2.97.2.dev20261101"]]


def test_a_local_version_is_an_end_and_stands_for_no_release_that_is_there(wheelhouse: Path) -> None:
    """Of builds of one's own alone, one is listed: the highest. It has others below it."""
    for version in ("2.97.1+ours.5", "2.97.1+ours.6", "2.98.0+ours.6", "2.99.0+ours.7"):
        write_wheel(wheelhouse, "tensorflow-cpu", version, "keras", module="tensorflow")
    ends = "tensorflow-cpu==2.97.0", "tensorflow-cpu==2.99.0+ours.7"
    listed = releases_between(*ends, NOW, python=sys.executable)
    assert listed == ["tensorflow-cpu==2.97.1+ours.6", "tensorflow-cpu==2.98.0"]


def test_a_release_and_a_build_of_it_are_two_environments(wheelhouse: Path) -> None:
    """Also where the release's lock is installed: it is not the build, which the folder has as well."""
    write_wheel(wheelhouse, "tensorflow-cpu", "2.99.0+ours.7", "keras", module="tensorflow")
    sides = [prepare(what, NOW) for what in ("2.99.0", "tensorflow-cpu==2.99.0", "2.99.0+ours.7")]
    assert [imported(side, "tensorflow") for side in sides] == ["2.99.0", "2.99.0", "2.99.0+ours.7"]
    assert len({side.interpreter for side in sides}) == 2


def test_releases_between_keep_what_both_sides_require(wheelhouse: Path) -> None:
    """But not what one alone does: it may not fit the others."""
    good, bad = "tensorflow-cpu==2.97.0 numpy<2 keras == 3.2.0", "tensorflow-cpu==2.98.1 keras==3.2.0 einops"
    assert releases_between(good, bad, NOW, python=sys.executable) == ["tensorflow-cpu==2.98.0 keras == 3.2.0"]


@pytest.mark.usefixtures("wheelhouse")
def test_releases_of_the_package_that_is_named_first_are_listed() -> None:
    """Such as Keras', with one TensorFlow."""
    ends = "keras==3.0.0 tensorflow-cpu==2.98.0", "keras==3.3.0 tensorflow-cpu==2.98.0"
    listed = releases_between(*ends, NOW, python=sys.executable)
    assert listed == ["keras==3.1.0 tensorflow-cpu==2.98.0", "keras==3.2.0 tensorflow-cpu==2.98.0"]


def test_a_version_beside_a_requirement_names_no_package() -> None:
    with pytest.raises(UnlistedError, match="name them by --release"):
        releases_between("2.97.0 keras==3.2.0", "2.98.1 keras==3.2.0", NOW, python=sys.executable)


def gone(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def dangling(folder: Path) -> None:
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("nowhere")


def with_another_keras(folder: Path) -> None:
    info = next(folder.glob("lib/python*/site-packages/keras-3.2.0.dist-info/METADATA"))
    text = info.read_text().replace("3.2.0", "3.1.0")
    info.unlink()  # a hard link to uv's cache
    info.write_text(text)


HARMS: list[tuple[Callable[[Path], object], str]] = [
    (gone(STORED_FILE), "damaged"),
    (lambda folder: (folder / STORED_FILE).write_text("{}"), "damaged"),
    (dangling, "can't be started"),
    (with_another_keras, "its keras was changed since"),
]


@pytest.mark.usefixtures("wheelhouse")
def test_a_damaged_environment_is_built_anew(environment_cache: Path, tmp_path: Path) -> None:
    side = prepare("2.99.0", NOW)
    folder = Path(side.interpreter).parents[1]
    for number, (harm, why) in enumerate(HARMS):
        copy = shutil.copytree(folder, tmp_path / f"copy{number}", symlinks=True)
        assert installed(copy)[1] == ""
        harm(copy)
        assert why in installed(copy)[1]
    with_another_keras(folder)
    said: list[str] = []
    assert prepare("2.99.0", NOW, say=said.append) == side
    assert "its keras was changed since" in next(line for line in said if line.startswith("building"))
    assert names(environment_cache) == {folder.name}
    assert imported(side, "keras") == "3.2.0"


@pytest.mark.usefixtures("wheelhouse")
def test_a_failed_resolve_shows_uv_s_reason_and_leaves_nothing(environment_cache: Path) -> None:
    with pytest.raises(
        RequestError, match=r"^'2\.97\.0' can't be resolved: .*there is no version of tensorflow-cpu==2\.97\.0"
    ):
        prepare("2.97.0", NOW)
    with pytest.raises(RequestError, match="brings no TensorFlow"):
        prepare("keras==3.1.0", NOW)
    with pytest.raises(RequestError, match=r"^uv can't make an environment of Python 3\.2: .*3\.2"):
        prepare("2.99.0", NOW, python="3.2")
    assert names(environment_cache) == set()


def test_two_distributions_of_one_package_are_refused(wheelhouse: Path, environment_cache: Path) -> None:
    write_wheel(wheelhouse, "keras-nightly", "3.3.0.dev1", module="keras")
    asked = "tensorflow-cpu==2.99.0 keras-nightly==3.3.0.dev1"
    with pytest.raises(RequestError, match=f"^'{asked}' brings keras and keras-nightly, which overwrite each other's"):
        prepare(asked, NOW)
    assert names(environment_cache) == set()


@pytest.mark.usefixtures("wheelhouse")
def test_a_build_that_fails_leaves_nothing(environment_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(lock: Path, interpreter: str, moment: str) -> None:
        assert environments(environment_cache)[0].stored is None
        raise BuildError("no room")

    monkeypatch.setattr("bench.drive.environments.install", install)
    with pytest.raises(BuildError, match="no room"):
        prepare("2.99.0", NOW)
    assert names(environment_cache) == set()


def test_two_who_ask_at_once_build_once(wheelhouse: Path, environment_cache: Path) -> None:
    said: list[str] = []
    sides: list[Side] = []
    threads = [threading.Thread(target=lambda: sides.append(prepare("2.99.0", NOW, say=said.append))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sides) == 2
    assert len({side.interpreter for side in sides}) == 1
    assert len([line for line in said if line.startswith("building")]) == 1


def test_a_wheel_file_is_known_by_what_it_holds(wheelhouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "built here"  # a space, which a URL writes otherwise
    folder.mkdir()
    wheel = write_wheel(folder, "tf-nightly", "2.99.1", "keras", module="tensorflow")
    first = prepare(str(wheel), NOW)
    assert tensorflow_of(first.packages) == Package("tf-nightly", "2.99.1", (sha256(wheel),))
    assert Path(first.interpreter).parents[1].name.startswith("tf-nightly-2.99.1-")
    write_wheel(folder, "tf-nightly", "2.99.1", "keras", module="tensorflow", text="mended = True\n")
    second = prepare(str(wheel), NOW)
    assert second.interpreter != first.interpreter
    assert tensorflow_of(second.packages) == Package("tf-nightly", "2.99.1", (sha256(wheel),))


def test_an_interpreter_is_taken_as_it_is(environment_cache: Path) -> None:
    side = prepare(sys.executable, read_as_of("release"), variables={"A": "1"})
    assert (side.requested, side.interpreter, side.as_of, side.variables) == (
        sys.executable,
        sys.executable,
        "",
        {"A": "1"},
    )
    assert "pytest" in [package.name for package in side.packages]
    assert not environment_cache.exists()


@pytest.mark.parametrize(
    ("as_of", "keras", "moment"),
    [
        ("release", "3.1.0", "2024-06-29T00:00:00Z"),  # the end of the day on which 2.99.0 came out
        ("2024-06-29", "3.2.0", "2024-06-30T00:00:00Z"),
    ],
)
def test_dates(wheelhouse: Path, monkeypatch: pytest.MonkeyPatch, as_of: str, keras: str, moment: str) -> None:
    with served_index(wheelhouse, UPLOADED) as address:
        from_index(monkeypatch, address)
        monkeypatch.setenv("UV_EXCLUDE_NEWER", "2024-06-27")  # before 2.99.0
        side = prepare("2.99.0", read_as_of(as_of))
        found = keras_of(side.packages)
        assert found
        assert (found.version, side.as_of) == (keras, moment)
        assert address not in (Path(side.interpreter).parents[1] / LOCK_FILE).read_text()


def test_the_pinned_reference_is_as_of_no_date(
    wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / f"{_kind(PYTHON_OF_LOCKS)}.txt").write_text(resolution("2.99.0").lock.text)
    with served_index(wheelhouse, UPLOADED) as address:
        from_index(monkeypatch, address)
        monkeypatch.setenv("UV_EXCLUDE_NEWER", "2024-06-27")
        assert imported(prepare_reference(tmp_path / "locks", variables={}, say=print), "tensorflow") == "2.99.0"


def test_an_index_without_upload_times(wheelhouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served_index(wheelhouse, {}) as address:
        from_index(monkeypatch, address)
        said: list[str] = []
        side = prepare("2.99.0", NOW, say=said.append)
        assert side.as_of == ""
        assert "the package index gives no upload times: both sides see it as it is" in said
        _, _, *moment = reproducing(dataclasses.replace(paired_run([]), reference=side, candidate=side))
        assert prepare("2.99.0", read_as_of(*moment[1:] or ("now",))) == side
        with pytest.raises(RequestError, match=r"the index gives no upload times \(PEP 700\); use --as-of now"):
            prepare("2.99.0", read_as_of("2024-06-28"))
        with pytest.raises(RequestError, match=r"nothing says when tensorflow-cpu 2\.99\.0 came out"):
            prepare("2.99.0", read_as_of("release"))


def test_an_index_that_dates_some_files_is_one_without_upload_times(
    wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a company's, of PyPI's files and its own: the newest Keras has no time."""
    dated = {name: moment for name, moment in UPLOADED.items() if not name.startswith("keras-3.2.0")}
    assert len(dated) < len(UPLOADED)
    with served_index(wheelhouse, dated) as address:
        from_index(monkeypatch, address)
        side = prepare("2.99.0", NOW)
        found = keras_of(side.packages)
        assert found
        assert (found.version, side.as_of) == ("3.2.0", "")
        with pytest.raises(RequestError, match=r"PEP 700"):
            prepare("2.99.0", read_as_of("2024-06-30"))


def test_an_index_without_upload_times_lists_what_it_has_now(wheelhouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served_index(wheelhouse, {}) as address:
        from_index(monkeypatch, address)
        assert releases_between("2.97.0", "2.99.0", NOW, python=sys.executable) == ["2.98.0"]


def from_index(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    for name in ("UV_OFFLINE", "UV_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", address)


@pytest.mark.slow
def test_an_old_tensorflow_gets_the_keras_of_its_day(tmp_path: Path) -> None:
    """Keras 3.4.1 came out on 2024-06-26, TensorFlow 2.16.2 on 2024-06-28, Keras 3.5.0 on 2024-08-12."""
    try:
        side = prepare("2.16.2", AsOf(""), python="3.11")
    except RequestError as error:
        if "Failed to fetch" in str(error) or "no Python" in str(error):
            pytest.skip(str(error))
        raise
    program = "import json, tensorflow, keras; print(json.dumps([tensorflow.__version__, keras.__version__]))"
    done = subprocess.run([side.interpreter, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[-1]) == ["2.16.2", "3.4.1"]
    assert side.as_of == "2024-06-29T00:00:00Z"
