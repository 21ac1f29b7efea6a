"""The request of a search, and its reports."""

from pathlib import Path

import pytest

from bench.cli import command_parser
from bench.commands import bisect, blame
from bench.commands.resume import is_kept
from bench.commands.searches import SearchRequest, stored_reports, words_going_on
from bench.record.files import write_text
from bench.record.survey import folder_name
from tests.builders.commands import Tfgate


def test_the_hundredth_report_is_found_as_the_others_are(tmp_path: Path) -> None:
    """And no folder of another command is taken for one."""
    for name in (folder_name(2, "2.13.1"), folder_name(100, "2.22.0"), "20261129T010203-upgrade"):
        write_text(tmp_path / name / "paired.json", "a report")
    assert set(stored_reports(tmp_path)) == {"02-2.13.1/paired.json", "100-2.22.0/paired.json"}
    (tmp_path / "02-2.13.1" / "paired.json").unlink()
    assert is_kept(tmp_path, *bisect.REPORTS)
    assert is_kept(tmp_path, *blame.REPORTS)


def asked(command: str, *words: str) -> SearchRequest:
    options = command_parser(command).parse_args(words)
    options.command_line = ("tfgate", command, *words)
    made: SearchRequest = {"bisect": bisect, "blame": blame}[command].request(options)
    return made


@pytest.mark.parametrize(
    ("given", "moment", "read"),
    [
        ((), "2030-01-01T00:00:00Z", ("--as-of", "2030-01-01T00:00:00Z")),
        (("--as-of", "now"), "2030-01-01T00:00:00Z", ("--as-of", "2030-01-01T00:00:00Z")),
        ((), "", ()),  # of an index without upload times
        (("--as-of=2030-01-01",), "2030-01-02T00:00:00Z", ("--as-of=2030-01-01",)),
    ],
)
def test_what_goes_on_from_an_answer_reads_the_index_as_the_search_did(
    tmp_path: Path, given: tuple[str, ...], moment: str, read: tuple[str, ...]
) -> None:
    more = ("--metric", "trace", "--output", str(tmp_path / "out"), *given)
    search = asked("bisect", "--good", "2.97.0", "--release", "2.98.0", "--bad", "2.99.0", *more)
    assert words_going_on(search, bisect.SEARCHING, moment) == ["--metric", "trace", *read]


@pytest.mark.usefixtures("baselines")
@pytest.mark.parametrize(
    "sides",
    [
        ("blame", "--from", "reference", "--to", "2.99.0"),
        ("bisect", "--good", "reference", "--release", "2.98.0", "--bad", "2.99.0"),
        ("bisect", "--good", "2.97.0", "--release", "reference", "--bad", "2.99.0"),
    ],
)
def test_the_pinned_reference_is_searched_among_environments_of_its_own_python(
    tfgate: Tfgate, tmp_path: Path, sides: tuple[str, ...]
) -> None:
    """With another, each release or package would hold what that Python changes."""
    more = ("--metric", "trace", "--baselines", str(tmp_path / "baselines"), "--output", str(tmp_path / "out"))
    found = tfgate(*sides, *more, "--python-version", "3.12")
    said = "`reference` is always of Python 3.11: leave out --python-version 3.12, or name a version in its place"
    assert (found.code, found.error) == (2, said)
    command, words = sides[0], (*sides[1:], *more, "--python-version", "3.11.9")
    assert asked(command, *words).sides.python_version == "3.11.9"
