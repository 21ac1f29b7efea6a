"""`tfgate env` on environments that uv has built of small wheels, and on folders that look like those."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.drive.cache import LOCK_FILE, STORED_FILE, VENV_FILE, Stored
from bench.drive.environments import prepare
from bench.drive.requests import read_as_of
from bench.record.files import write_record
from bench.record.types import SCHEMA
from tests.builders.commands import Tfgate

Make = Callable[[str, int], str]


def use(folder: Path, minutes: int) -> None:
    """Has an environment be last used so many minutes after midnight of 2026-01-05."""
    used = 1767571200 + 60 * minutes  # 2026-01-05T00:00:00Z
    os.utime(folder / STORED_FILE, (used, used))


@pytest.fixture
def build(wheelhouse: Path, environment_cache: Path) -> Make:
    """Builds an environment that was last used then; its name."""

    def make(requested: str, minutes: int) -> str:
        folder = Path(prepare(requested, read_as_of("now")).interpreter).parents[1]
        use(folder, minutes)
        return folder.name

    return make


@pytest.fixture
def make(environment_cache: Path) -> Make:
    """Makes what there is of an environment besides Python and packages, last used then; its whole name."""

    def make(name: str, minutes: int) -> str:
        folder = environment_cache / f"{name}-0123456789ab"
        folder.mkdir(parents=True)
        for file in (VENV_FILE, LOCK_FILE):
            (folder / file).touch()
        write_record(folder / STORED_FILE, Stored(SCHEMA, "2.99.0", "", "", "3.11", ()))
        use(folder, minutes)
        return folder.name

    return make


def names(tfgate: Tfgate) -> list[str]:
    return [listed["name"] for listed in json.loads(tfgate("env", "list", "--json").out)]


def test_the_list_has_the_last_used_first(tfgate: Tfgate, build: Make, environment_cache: Path) -> None:
    older, newer = build("2.98.0", 0), build("tensorflow-cpu==2.99.0 keras==3.1.0", 1)
    found = tfgate("env", "list")
    assert (found.code, found.err) == (0, "")
    head, _, *rows, last = found.out.splitlines()
    assert last == f"in {environment_cache}: an environment's interpreter is NAME/bin/python there"
    assert head.split() == ["name", "TensorFlow", "Keras", "Python", "size", "last", "used"]
    assert [row.split()[:3] for row in rows] == [[newer, "2.99.0", "3.1.0"], [older, "2.98.0", "3.2.0"]]
    assert rows[0].endswith("2026-01-05T00:01:00.000+00:00")


def test_json_says_what_is_installed_and_its_size(tfgate: Tfgate, build: Make, environment_cache: Path) -> None:
    name = build("2.99.0", 0)
    (listed,) = json.loads(tfgate("env", "list", "--json").out)
    assert listed["name"] == name
    assert [(package["name"], package["version"]) for package in listed["stored"]["packages"]] == [
        ("keras", "3.2.0"),
        ("tensorflow-cpu", "2.99.0"),
    ]
    before = listed["size_bytes"]
    (environment_cache / name / "more").write_bytes(bytes(1000))
    os.link(environment_cache / name / "more", environment_cache / name / "again")  # the same 1,000 bytes
    assert json.loads(tfgate("env", "list", "--json").out)[0]["size_bytes"] == before + 1000


def test_nothing_there(tfgate: Tfgate, environment_cache: Path) -> None:
    assert tfgate("env", "list").out == f"no environments in {environment_cache}\n"
    assert json.loads(tfgate("env", "list", "--json").out) == []
    assert tfgate("env", "remove", "--all").code == 0


def test_a_damaged_one_is_listed_and_removed(tfgate: Tfgate, make: Make, environment_cache: Path) -> None:
    name = make("one", 0)
    (environment_cache / name / STORED_FILE).write_text("{")
    os.truncate(environment_cache / name / LOCK_FILE, 3 * 2**20)
    (row,) = tfgate("env", "list").out.splitlines()[2:-1]
    assert row.split()[:6] == [name, "damaged", "–", "–", "3", "MiB"]
    assert tfgate("env", "remove", name).code == 0
    assert names(tfgate) == []


def test_an_environment_of_somebody_else_s_is_neither_listed_nor_removed(
    tfgate: Tfgate, make: Make, environment_cache: Path
) -> None:
    """TFGATE_ENVIRONMENTS may name a folder that holds others."""
    mine = environment_cache / "mine"
    mine.mkdir(parents=True)
    (mine / VENV_FILE).touch()
    name = make("one", 0)
    assert names(tfgate) == [name]
    assert tfgate("env", "remove", "--all").err == f"removed {name}\n"
    assert tfgate("env", "remove", "mine").code == 2
    assert (mine / VENV_FILE).is_file()


def test_removal(tfgate: Tfgate, make: Make, environment_cache: Path) -> None:
    first, second, third = make("first", 1), make("second", 2), make("third", 3)
    missing = tfgate("env", "remove", first, "nowhere")
    assert (missing.code, missing.error) == (
        2,
        f"there is no environment nowhere in {environment_cache}; `tfgate env list` names them",
    )
    assert names(tfgate) == [third, second, first]  # all or none
    assert tfgate("env", "remove", "--keep-newest", "2").err == f"removed {first}\n"
    assert names(tfgate) == [third, second]
    assert tfgate("env", "remove", second, second).err == f"removed {second}\n"
    assert not (environment_cache / second).exists()
    assert (environment_cache / third / LOCK_FILE).is_file()
    assert tfgate("env", "remove", "--all").err == f"removed {third}\n"
    assert names(tfgate) == []
