"""Text made into requests and dates."""

import datetime
import platform
import sys
from pathlib import Path

import pytest

from bench.drive.requests import AsOf, Interpreter, RequestError, Requirements, read_as_of, read_request

CPU = "tensorflow-cpu" if platform.machine() == "x86_64" else "tensorflow"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("2.20.0", [f"{CPU}==2.20.0"]),
        (" 2.21.0rc1 ", [f"{CPU}==2.21.0rc1"]),
        ("tf-nightly", ["tf-nightly"]),
        ("tensorflow==2.16.2 keras==3.12.0", ["tensorflow==2.16.2", "keras==3.12.0"]),
        ("tensorflow >= 2.16, < 2.18\nkeras", ["tensorflow >= 2.16, < 2.18", "keras"]),
        ("tensorflow[and-cuda] ~= 2.16", ["tensorflow[and-cuda] ~= 2.16"]),
        ("tensorflow in-toto organize android", ["tensorflow", "in-toto", "organize", "android"]),
        (
            "numpy<2; python_version > '3.8' and 'linux' in sys_platform or os_name not in 'nt'  keras",
            ["numpy<2; python_version > '3.8' and 'linux' in sys_platform or os_name not in 'nt'", "keras"],
        ),
        ("tensorflow @ https://host/a/tensorflow-2.20.0-py3-none-any.whl numpy<2", None),
    ],
)
def test_versions_and_requirements(text: str, lines: list[str] | None) -> None:
    lines = lines or ["tensorflow @ https://host/a/tensorflow-2.20.0-py3-none-any.whl", "numpy<2"]
    assert read_request(text) == Requirements(tuple(lines))


def test_a_version_for_a_gpu_brings_cuda() -> None:
    assert read_request("2.20.0", gpu=True) == Requirements(("tensorflow[and-cuda]==2.20.0",))


def test_an_interpreter_s_link_is_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert read_request(str(link)) == Interpreter(str(link))


def test_a_wheel_file(tmp_path: Path) -> None:
    path = tmp_path / "tf_nightly_cpu-2.22.0.dev20261026-1-cp311-cp311-manylinux_2_27_x86_64.whl"
    path.touch()
    assert read_request(str(path)) == Requirements((f"tf-nightly-cpu @ {path.as_uri()}",))


def test_a_wheel_s_link_is_not_followed(tmp_path: Path) -> None:
    """As into a store that calls files by their sums."""
    (tmp_path / "9a0c").touch()
    link = tmp_path / "tensorflow-2.22.0-py3-none-any.whl"
    link.symlink_to("9a0c")
    assert read_request(str(link)) == Requirements((f"tensorflow @ {link.as_uri()}",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere/bin/python", "there is no interpreter"),
        ("nowhere/tensorflow-2.20.0-py3-none-any.whl", "there is no such wheel file"),
        ("tensorflow==2.20.0 dist/keras-3.16-py3-none-any.whl", "among requirements write NAME @ file:///PATH.whl"),
        ("-r secrets.txt", "is not a requirement"),
        ("tensorflow\n--index-url http://host", "is not a requirement"),  # a line that begins an option
        ("tensorflow==", "'tensorflow==' is not a requirement"),
        ("tensorflow==2.20.0 -f somewhere", "is not a requirement"),
        ("", "is not a requirement"),
        ("tensorflow @ https://me:pass@host/t.whl", "tensorflow: its URL holds a password or a token"),
        ("keras==3.8.0 tensorflow @ https://token@host/t.whl", "tensorflow: its URL holds a password or a token"),
        ("tensorflow @ git+ssh://me:pass@host/t", "tensorflow: its URL holds a password or a token"),
        ("tensorflow @ https://me:${TOKEN}x@host/t.whl", "tensorflow: its URL holds a password or a token"),
        ("tensorflow @ https://token:git@host/t.whl", "tensorflow: its URL holds a password or a token"),
        ("https://me:p@ss@host/t.whl", "'https://…@host/t.whl' is not a requirement"),
        ("tensorflow @ https://[bad/t.whl", "'tensorflow @ https://.bad/t.whl' has no URL that can be read"),
    ],
)
def test_what_is_no_request(text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        read_request(text)


@pytest.mark.parametrize(
    "url",
    ["git+ssh://git@host/k", "git+https://git@host/k", "https://me:${TOKEN}@host/k.whl", "https://${T_1}@host/k.whl"],
)
def test_a_user_s_name_and_a_variable_s_are_no_secret(url: str) -> None:
    assert read_request(f"keras @ {url}") == Requirements((f"keras @ {url}",))


def test_what_is_no_interpreter_and_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("")
    with pytest.raises(RequestError, match="there is no interpreter"):  # it can't be executed
        read_request(str(path))
    renamed = tmp_path / "new.whl"
    renamed.touch()
    with pytest.raises(RequestError, match="keep the name that it was built with"):
        read_request(str(renamed))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-02-28", "2024-02-29T00:00:00Z"),  # to its end, UTC, in a leap year
        ("20240228", "2024-02-29T00:00:00Z"),
        ("2024-06-28T12:00", "2024-06-28T12:00:00Z"),
        ("2024-06-28T12:00:00+02:00", "2024-06-28T10:00:00Z"),
        ("release", ""),
    ],
)
def test_dates(text: str, moment: str) -> None:
    assert read_as_of(text) == AsOf(moment)


def test_now_is_the_present() -> None:
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    now = read_as_of("now")
    assert now.present
    assert before <= datetime.datetime.fromisoformat(now.moment) <= datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "28.06.2024", "9999-12-31"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(
        RequestError, match=f"--as-of '{text}' is not a date: use now, release, or one such as 2024-06-28"
    ):
        read_as_of(text)
