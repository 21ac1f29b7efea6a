"""`tfgate report RUN…`: what runs measured and what it comes to, as a page for people and as files for other programs."""

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.stored import read_profile, read_report
from bench.commands.summary import append_summary
from bench.commands.verdicts import judged as judged_by
from bench.commands.verdicts import read_standards
from bench.drive.profile import PROFILE_FILE
from bench.judge.gate import Standards
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.profile import Profile
from bench.report.html import page
from bench.report.judged import Judged
from bench.report.junit import junit
from bench.report.markdown import markdown
from bench.report.text import verdict_json

PAGE, PROFILE = "report.html", "profile"

Form = Callable[[Sequence[Judged]], str]


def main(options: argparse.Namespace) -> int:
    """0 once the files are written: a report tells a verdict, `tfgate check` answers with its exit code."""
    wanted = _wanted(options)
    standards = read_standards(options)
    judged = [judge(name, standards) for name in options.run]
    for path, form in wanted.items():
        write_text(path, form(judged), replace=options.replace)
        print(f"written to {path}")
    if options.summary:
        append_summary(*judged)
    return 0


def judge(name: str, standards: Standards) -> Judged:
    """The report of a folder or file with its verdict. Raises UsageError, FormatError, OSError."""
    return dataclasses.replace(judged_by(read_report(name), standards), profiles=_profiles(_home(name)))


def _profiles(home: Path) -> tuple[Profile, Profile] | None:
    """Both sides' profiles, where `tfgate profile --output RUN/profile` has left them beside a run."""
    reference, candidate = (home / PROFILE / side / PROFILE_FILE for side in (REFERENCE, CANDIDATE))
    if not reference.is_file() or not candidate.is_file():
        return None
    return read_profile(reference), read_profile(candidate)


def _wanted(options: argparse.Namespace) -> dict[Path, Form]:
    """Every file with its form. Raises UsageError for one that is there (unless it may be replaced), before anything is written."""
    forms: tuple[tuple[str | Path | None, Form], ...] = (
        (options.output or _home(options.run[0]) / PAGE, page),
        (options.markdown, markdown),
        (options.junit, junit),
        (options.json, _json),
    )
    named = [(Path(name), form) for name, form in forms if name]
    wanted = dict(named)
    if len(wanted) < len(named):
        raise UsageError("two of --output, --markdown, --junit and --json name one file: give each its own")
    there = next((path for path in wanted if path.exists()), None)
    if there and not options.replace:
        raise UsageError(f"{there} exists already and is not overwritten: --replace does that, or choose another place")
    return wanted


def _home(name: str) -> Path:
    path = Path(name)
    return path if path.is_dir() else path.parent


def _json(judged: Sequence[Judged]) -> str:
    return json.dumps([verdict_json(each.verdict) for each in judged], allow_nan=False, indent=1) + "\n"
