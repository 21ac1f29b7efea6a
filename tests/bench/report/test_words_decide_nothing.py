"""No report reads a string of the judge, and no format another's: words can be anything without a decision moving."""

import ast
import importlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import Markup

import bench.judge
import bench.stats
from bench.judge import metrics
from bench.judge.margins import read_margins
from bench.judge.paired import judge_paired
from bench.judge.types import Metric
from bench.record.files import read_record
from bench.record.ledger import Ledger
from bench.record.paired import PairedRun
from bench.report import headlines, notices, registry, sentences, values
from bench.report.formats import json, junit, markdown
from bench.report.judged import Judged
from bench.report.text import verdict_text
from tests.builders.verdicts import failed, gate, gate_run, judged_gate, stored, upgrade

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / "reports" / "published" / "upgrade-2.20.0-2.21.0-xla" / "paired.json"
# Modules whose texts are messages of exceptions alone: they read margins and make baselines, and judge nothing.
MESSAGES = {"baselines", "margins"}
FOLDERS = [Path(package.__path__[0]) for package in (bench.judge, bench.stats)]
SILENT = [path for folder in FOLDERS for path in sorted(folder.glob("*.py")) if path.stem not in MESSAGES]
NAMED = {value.name for value in vars(metrics).values() if isinstance(value, Metric)}
KNOWN = {*metrics.NAMES, *NAMED, "hot paths"}  # names of metrics and subjects
JUNK = "PASS ≤ incomplete: colourless green ideas of sleep"


def reports() -> Iterator[Judged]:
    """A published REGRESSION with metrics left open, gates of every outcome and a failed run, judged here and now."""
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    ledger = read_record(Ledger, ROOT / "baselines" / "ledger.json")
    report = read_record(PairedRun, PUBLISHED)
    yield Judged(report, judge_paired(report, margins, ledger))
    yield from (gate(), gate(1.046), gate(1.2), gate(speed=False), judged_gate(gate_run(launches=3)))
    yield from (stored(), failed())


def facts(judged: Judged) -> list[object]:
    """Everything that programs read of a verdict."""
    verdict, suite = judged.verdict, ET.fromstring(junit.render([judged]))
    outcomes = [comparison.outcome for comparison in verdict.comparisons]
    counts = [suite.get(count) for count in junit.COUNTS]
    return [verdict.outcome, verdict.exit_code, outcomes, counts, json.render([judged])]


def junk_of(words: object) -> object:
    """Words, or a table of them, with every text replaced."""
    if isinstance(words, str):
        return JUNK
    if isinstance(words, dict):
        return {key: junk_of(value) for key, value in words.items()}
    if isinstance(words, tuple):
        return tuple(junk_of(word) for word in words)
    return (lambda *_: JUNK) if callable(words) else words


def scramble(monkeypatch: pytest.MonkeyPatch, module: object) -> None:
    """Replaces every text among a module's constants."""
    for name, value in vars(module).items():
        if name.isupper() and name != "FILE" and isinstance(value, str | dict | tuple):
            monkeypatch.setattr(module, name, junk_of(value))


def test_whatever_the_sentences_say_the_verdicts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [facts(judged) for judged in reports()]
    for module in (sentences, notices, headlines, values):
        scramble(monkeypatch, module)
    assert [facts(judged) for judged in reports()] == before
    words = verdict_text(gate(1.2).verdict)
    assert words.count("colourless") > len(gate(1.2).verdict.comparisons)  # the mutation reached the words


@pytest.fixture(scope="module")
def every_format() -> Iterator[dict[str, str]]:
    """Without plots, in which no format has a word."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bench.report.plots.svg", lambda chart: Markup("<svg></svg>"))
        yield {name: registry.find(name).render([upgrade(1.2)]) for name in registry.names()}


@pytest.mark.parametrize("name", registry.names())
def test_the_words_of_one_format_are_no_other_s(
    name: str, every_format: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"bench.report.formats.{name.replace('-', '_')}")
    scramble(monkeypatch, module)
    monkeypatch.setattr(module, "render", lambda _: JUNK)
    found = {other: registry.find(other).render([upgrade(1.2)]) for other in registry.names()}
    assert found.pop(name) == JUNK
    assert found == {other: text for other, text in every_format.items() if other != name}


def test_a_scrambled_constant_changes_its_own_format(
    every_format: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scramble(monkeypatch, markdown)
    assert markdown.render([upgrade(1.2)]) != every_format["markdown"]


def texts(path: Path) -> Iterator[str]:
    """The texts of a module but docstrings, messages of exceptions and values of enums."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        enumerated = isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if enumerated or docstring or isinstance(node, ast.Raise):
            skipped |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


@pytest.mark.parametrize("path", SILENT, ids=lambda path: path.stem)
def test_judge_and_stats_hold_no_sentence(path: Path) -> None:
    assert [text for text in texts(path) if " " in text.strip() and text not in KNOWN] == []


def test_a_sentence_in_them_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "wordy.py"
    path.write_text('"""Judges."""\n\nNOTE = f"{1} is much slower"\n', encoding="utf-8")
    assert [text for text in texts(path) if " " in text.strip()] == [" is much slower"]
