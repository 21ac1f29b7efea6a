"""The real uv: what it refuses is passed on in its own words."""

import base64
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from bench.drive.requests import AsOf, BuildError, RequestError, read_as_of
from bench.drive.uv import _exact, install, make_venv, releases_between, resolve
from tests.builders.programs import write_program
from tests.builders.wheels import _Handler, served_index, sha256, write_wheel

PRESENT = AsOf("", present=True)


def test_a_hash_that_differs_is_refused(wheelhouse: Path, tmp_path: Path) -> None:
    interpreter = make_venv(tmp_path / "venv", sys.executable)
    lock = tmp_path / "lock"
    lock.write_text(f"keras==3.1.0 --hash={sha256(wheelhouse / 'keras-3.1.0-py3-none-any.whl')}\n")
    install(lock, interpreter, "")
    lock.write_text(f"keras==3.2.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BuildError, match=r"^uv can't install the environment: .*[Hh]ash"):
        install(lock, interpreter, "")


@pytest.mark.usefixtures("wheelhouse")
def test_a_conflict_is_explained_in_one_line(tmp_path: Path) -> None:
    lines = ("tensorflow-cpu==2.99.0", "keras==3.0.0")
    with pytest.raises(RequestError) as raised:
        resolve("both", lines, PRESENT, sys.executable)
    text = str(raised.value)
    assert text.startswith("'both' can't be resolved: No solution found when resolving dependencies: Because ")
    assert "keras==3.0.0" in text
    assert "\n" not in text
    assert not set(text) & set("×╰─▶")


@pytest.mark.usefixtures("wheelhouse")
@pytest.mark.parametrize("line", ["keras===3.2", "keras==3.1.0; python_version < '3'", "Keras>=3.2"])
def test_a_requirement_is_met_however_it_is_written(line: str) -> None:
    lock, _ = resolve("both", ("tensorflow-cpu==2.99.0", line), read_as_of("now"), sys.executable)
    assert [one.version for one in lock.packages if one.name == "keras"] == ["3.2.0"]


@pytest.mark.parametrize("override", ["keras==3.1.0", "tensorflow-cpu==2.98.0"])
def test_another_version_by_an_override_of_uv_s_is_refused(
    wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str
) -> None:
    """It holds for what is named here, too: both sides would be one. Nor is a list of releases without an end."""
    (tmp_path / "overrides.txt").write_text(f"{override}\n")
    monkeypatch.setenv("UV_OVERRIDE", str(tmp_path / "overrides.txt"))
    name, _, version = override.partition("==")
    wheel = f"tensorflow-cpu @ {(wheelhouse / 'tensorflow_cpu-2.99.0-py3-none-any.whl').as_uri()}"
    for tensorflow in ("tensorflow-cpu==2.99.0", wheel):
        with pytest.raises(
            RequestError, match=f"^uv puts {name} {version} in the place of {name}.*: take the override"
        ):
            resolve("both", (tensorflow, "keras==3.2.0"), read_as_of("now"), sys.executable)
    if name == "tensorflow-cpu":
        with pytest.raises(RequestError, match=f"^uv puts {name} {version} in the place of {name}"):
            releases_between(name, "2.98.0", "", read_as_of("now"), sys.executable)


@pytest.mark.usefixtures("wheelhouse")
def test_text_that_is_no_requirement() -> None:
    with pytest.raises(RequestError, match=r"^'tensorflow==' can't be resolved: .*tensorflow=="):
        resolve("tensorflow==", ("tensorflow==",), PRESENT, sys.executable)


@pytest.mark.usefixtures("wheelhouse")
def test_a_release_of_what_is_no_tensorflow() -> None:
    with pytest.raises(RequestError, match="--as-of release: 'keras' names no TensorFlow"):
        resolve("keras", ("keras",), AsOf(""), sys.executable)


def test_a_variable_in_a_url_is_read_and_kept_by_its_name(wheelhouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []
    answer = _Handler.do_GET

    def heard(handler: _Handler) -> None:
        sent.append(handler.headers["Authorization"])
        answer(handler)

    for method in ("do_GET", "do_HEAD"):
        monkeypatch.setattr(_Handler, method, heard)
    monkeypatch.setenv("TOKEN", "s3cret")
    monkeypatch.delenv("UV_OFFLINE")
    with served_index(wheelhouse, {}) as address:
        text = f"keras @ {address.replace('//', '//me:${TOKEN}@')}keras-3.1.0-py3-none-any.whl"
        lock, _ = resolve(text, (text,), read_as_of("now"), sys.executable)
    assert f"Basic {base64.b64encode(b'me:s3cret').decode()}" in sent
    assert text in lock.text
    assert "s3cret" not in lock.text


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("tensorflow==2.21.0", "tensorflow===2.21.0"),
        ("tensorflow[and-cuda] == 2.21.0", "tensorflow[and-cuda] === 2.21.0"),
        ("keras>=3,==3.1; python_version == '3.11'", "keras>=3,===3.1; python_version == '3.11'"),
        # A lock:
        ("keras==3.1.0 \\\n  --hash=sha256:aa\nsix==1.0\n", "keras===3.1.0 \\\n  --hash=sha256:aa\nsix===1.0\n"),
        *((line, line) for line in ("tensorflow==2.21.*", "tensorflow == 2.21.0+ours.7", "tensorflow===2.21.0")),
        *((line, line) for line in ("tensorflow>=2.21", "six; python_version == '3.11'", "a @ https://host/?b==1")),
    ],
)
def test_a_release_that_is_named_is_exact(text: str, exact: str) -> None:
    assert _exact(text) == exact


def test_a_build_of_one_s_own_does_not_take_a_release_s_place(wheelhouse: Path) -> None:
    """Where the folder has both. A range is of builds as well."""
    write_wheel(wheelhouse, "tensorflow-cpu", "2.99.0+ours.7", "keras", module="tensorflow")
    write_wheel(wheelhouse, "keras", "3.1.0+ours.1")

    def versions(*lines: str, pins: tuple[str, ...] = ()) -> dict[str, str]:
        lock, _ = resolve("a", lines, read_as_of("now"), sys.executable, pins)
        return {package.name: package.version for package in lock.packages}

    release = {"tensorflow-cpu": "2.99.0", "keras": "3.1.0"}
    assert versions("tensorflow-cpu == 2.99.0", "keras==3.1.0") == release
    assert versions("tensorflow-cpu", pins=("tensorflow-cpu==2.99.0", "keras==3.1.0")) == release
    assert versions("tensorflow-cpu==2.99.0+ours.7")["tensorflow-cpu"] == "2.99.0+ours.7"
    assert versions("tensorflow-cpu>=2.99")["tensorflow-cpu"] == "2.99.0+ours.7"


@pytest.mark.parametrize("as_of", ["now", "release"])
def test_a_release_that_is_not_there_is_refused_with_the_build_of_it(wheelhouse: Path, as_of: str) -> None:
    write_wheel(wheelhouse, "tensorflow-cpu", "2.97.0+ours.7", "keras", module="tensorflow")
    with pytest.raises(RequestError) as raised:
        resolve("2.97.0", ("tensorflow-cpu==2.97.0",), read_as_of(as_of), sys.executable)
    assert str(raised.value) == (
        "'2.97.0' can't be resolved to the release, only to a build of that number: to measure it, name "
        "tensorflow-cpu==2.97.0+ours.7"
    )
    with pytest.raises(RequestError, match=r"^'two' can't be resolved: No solution found"):  # with the build, too
        resolve("two", ("tensorflow-cpu==2.97.0", "keras==4"), read_as_of("now"), sys.executable)


def test_releases_between_two_are_listed_oldest_first(wheelhouse: Path) -> None:
    for version in ("2.97.0", "2.97.1", "2.98.1", "2.98.2rc1"):
        write_wheel(wheelhouse, "tensorflow-cpu", version, "keras", module="tensorflow")
    listed = releases_between("tensorflow-cpu", "2.97.0", "2.99.0", PRESENT, sys.executable)
    assert listed == ["2.97.1", "2.98.0", "2.98.1"]
    assert releases_between("tensorflow-cpu", "2.98.1", "2.99.0", PRESENT, sys.executable) == []
    assert releases_between("tensorflow-cpu", "2.98.1rc1", "2.99.0", PRESENT, sys.executable) == ["2.98.1", "2.98.2rc1"]


def test_candidates_of_a_release_are_listed_below_it(wheelhouse: Path) -> None:
    """Where it is the end, and where it was found."""
    for version in ("2.97.0.dev20261101", "2.97.0rc0", "2.97.0rc1", "2.97.0rc2", "2.97.0", "2.98.0rc0"):
        write_wheel(wheelhouse, "tensorflow-cpu", version, "keras", module="tensorflow")
    listed = [
        releases_between("tensorflow-cpu", *ends, PRESENT, sys.executable)
        for ends in (("2.97.0rc0", "2.97.0"), ("2.97.0rc0", "2.98.0"), ("2.97.0", "2.98.0"))
    ]
    assert listed == [["2.97.0rc1", "2.97.0rc2"], ["2.97.0rc1", "2.97.0rc2", "2.97.0", "2.98.0rc0"], []]
    assert releases_between("tensorflow-cpu", "2.97.0.dev1", "2.97.0rc1", PRESENT, sys.executable) == [
        "2.97.0.dev20261101",
        "2.97.0rc0",
    ]


@pytest.mark.usefixtures("wheelhouse")
def test_an_index_that_is_not_there_lists_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_OFFLINE", "UV_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(RequestError, match=r"^the releases of tensorflow-cpu can't be listed: "):
        releases_between("tensorflow-cpu", "2.97.0", "2.99.0", PRESENT, sys.executable)


def test_uv_speaks_utf_8_and_names_paths_of_any_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this locale, too, whose Python can't decode a byte of 255."""
    said = r"printf 'error: gr\303\274n \377\n' >&2; exit 2"
    uv = write_program(tmp_path / "uv", f"#!/bin/sh\n{said}\n")
    monkeypatch.setattr("bench.drive.uv.find_uv_bin", lambda: uv)
    with pytest.raises(RequestError, match=r": gr\u00fcn \ufffd$"):
        make_venv(tmp_path / "venv", "3.11")


def test_a_machine_without_room_says_nothing_of_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a uv that says what the real one says: a disk can't be filled here."""
    told = "error: Failed to install\n  Caused by: failed to write `/there/a`: No space left on device (os error 28)"
    done = subprocess.CompletedProcess([], 2, "", told)
    monkeypatch.setattr("bench.drive.uv.subprocess.run", lambda *_, **__: done)
    with pytest.raises(OSError, match="No space left on device") as raised:
        make_venv(Path("venv"), sys.executable)
    assert raised.value.errno == errno.ENOSPC
    assert "/there/a" in raised.value.filename  # which of several disks
