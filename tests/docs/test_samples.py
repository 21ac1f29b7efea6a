"""Samples in the documentation are what `tfgate check` prints today of published runs, or what stored answers hold."""

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

import pytest

from bench.commands.compare import read_ratios
from bench.commands.stored import read_folder, read_report
from bench.commands.surveys import judged_survey
from bench.commands.verdicts import judged
from bench.judge.compare import compare_reports
from bench.judge.types import Verdict
from bench.record.command_lines import ALONE, WITH_VALUE, words_without
from bench.report.brief import brief_text
from bench.report.judged import names
from bench.report.sentences import why
from bench.report.survey import survey_text
from bench.stats.outcome import Outcome
from tests.docs.markdown import ROOT, code_blocks

SAMPLES = {"README.md": "upgrade-2.15.1-2.16.2", "docs/tutorials/upgrade.md": "upgrade-2.20.0-2.21.0"}
LEFT_OUT = "…"
SURVEY = ROOT / "reports" / "published" / "survey"
ONE_CORE = "step time on one core"
FINDING = ROOT / "reports" / "published" / "findings" / "optimizers-twice"


def strangers(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Returns the lines that are shown and not printed in that order. The prompt and what is left out don't count."""
    ahead = iter(printed)
    lines = [line for line in shown if line.strip() not in ("", LEFT_OUT) and not line.startswith("$ ")]
    return [line for line in lines if line not in ahead]


def printed(run: str) -> list[str]:
    report = read_report(str(ROOT / "reports" / "published" / run))
    found = judged(report, read_folder(ROOT / "baselines"))
    return brief_text(found.verdict, names=names(found)).splitlines()


@pytest.mark.parametrize(("document", "run"), SAMPLES.items())
def test_a_sample_is_what_is_printed(document: str, run: str) -> None:
    blocks = code_blocks((ROOT / document).read_text(encoding="utf-8"))
    (sample,) = [block.text.splitlines() for block in blocks if "PASS: " in block.text]
    assert strangers(sample, printed(run)) == []


def test_the_sample_of_the_survey_is_what_is_printed() -> None:
    blocks = code_blocks((ROOT / "docs" / "releases.md").read_text(encoding="utf-8"))
    (sample,) = [block.text.splitlines() for block in blocks if block.language == "console"]
    found = judged_survey(SURVEY, read_folder(ROOT / "baselines"))
    assert strangers(sample, survey_text(found).splitlines()) == []


def test_what_is_said_of_two_releases_of_the_survey_is_what_compare_says() -> None:
    page = " ".join((ROOT / "docs" / "releases.md").read_text(encoding="utf-8").split()).replace("−", "-")
    margins = read_folder(ROOT / "baselines").margins

    def compared(subject: str) -> tuple[Verdict, dict[str, str]]:
        folders = (SURVEY / f"{pair}-from-01-2.12.1" / subject for pair in ("05-2.16.2", "09-2.20.0"))
        before, after = (read_ratios(str(folder)) for folder in folders)
        verdict = compare_reports(before, after, margins)
        return verdict, {one.metric.name: why(one) for one in verdict.comparisons}

    training, told = compared("tiny")
    assert training.outcome is Outcome.PASS
    assert f"passes (one core: {told[ONE_CORE].split()[0]})" in page
    call, told = compared("predict-call-tiny")
    assert [one.metric.name for one in call.comparisons if one.outcome is Outcome.INCONCLUSIVE] == [ONE_CORE]
    assert ", 4 launches)" in told[ONE_CORE]
    assert "INCONCLUSIVE in its step time on one core alone: there its REGRESSIONs ended after four launches" in page
    _, told = compared("fit-tiny")
    estimate, _, low, high = re.findall(r"[-+]?[\d.]+%", told["step time"])[:4]
    assert f"an estimate of {estimate} with a CI from {low} to {high}" in page


def test_other_lines_and_another_order_are_found() -> None:
    assert strangers(["$ tfgate check RUN", "a", "…", "c"], ["a", "b", "c"]) == []
    assert strangers(["a", "d"], ["a", "b", "c"]) == ["d"]
    assert strangers(["c", "a"], ["a", "b", "c"]) == ["a"]


def finding(command: str) -> tuple[dict[str, Any], str, str]:
    """Returns a stored answer, and of its sample in docs/bisect.md the command and the text, on one line each."""
    stored = json.loads((FINDING / f"{command}.json").read_text(encoding="utf-8"))
    blocks = code_blocks((ROOT / "docs" / "bisect.md").read_text(encoding="utf-8"))
    (sample,) = [block.text for block in blocks if block.text.startswith(f"$ tfgate {command} ")]
    asked, _, text = sample.partition("\n")
    return stored, asked.removeprefix("$ "), " ".join(text.split())


@pytest.mark.parametrize("command", ["bisect", "blame"])
def test_a_sample_s_command_is_that_of_the_stored_answer(command: str) -> None:
    stored, asked, _ = finding(command)
    assert shlex.split(asked) == words_without(stored["command"], WITH_VALUE, ALONE)


def test_the_sample_of_bisect_is_the_stored_answer() -> None:
    stored, _, text = finding("bisect")
    compared = {one["name"]: one["regression"] for one in stored["releases"] if one["compared"]}
    assert all(f" {name}: a regression" in text for name in compared)
    assert f"{stored['release']} is the first whose numbers are a regression from {stored['good']}: " in text
    assert f": {compared[stored['release']]} which package: {stored['blame']}" in text


def test_the_sample_of_blame_is_the_stored_answer() -> None:
    stored, _, text = finding("blame")
    (blamed,) = stored["blamed"]
    parts = {one["name"]: one for one in stored["parts"]}
    assert text.startswith(f"to blame: {blamed}; with {blamed} alone, ")
    assert f": {parts[blamed]['regression']} package" in text
    said = [f"left out: {line}" for line in stored["left_out"]]
    for name, one in parts.items():
        word = "a regression" if one["regression"] else "no regression" if one["compared"] else "can't be measured"
        row = {"onednn": "without oneDNN", "threads": "on one thread"}.get(name) or " ".join(
            filter(None, (name, one.get("reference"), one.get("candidate")))  # a pair has no versions
        )
        said.append(f"{row} {word}")
        said += [f"{name} can't be measured: {one['problem']}"] if one["problem"] else []
        said += [f"{name} goes against the wheels' own requirements: {one['refused']}"] if one["refused"] else []
    assert [line for line in said if line not in text] == []
