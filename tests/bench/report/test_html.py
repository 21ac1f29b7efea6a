"""The page as text: what stands on it, and that names from a run stay text. tests/bench/report/test_browser.py opens it."""

import dataclasses
import html.parser
import re
from collections.abc import Callable, Sequence

import pytest

from bench.judge.gate import judge_gate
from bench.judge.paired import judge_paired
from bench.judge.types import Comparison, Verdict
from bench.record.types import Failure, Record
from bench.report.html import page
from bench.report.judged import Judged
from bench.stats.outcome import Outcome
from tests.bench.profile.test_compare import two_operations
from tests.bench.report.samples import (
    GATE_MARGINS,
    HOSTILE,
    NEW,
    OLD,
    STANDARDS,
    gate,
    gate_run,
    hostile_gate,
    hostile_paired_run,
    judged_run,
    lockstep,
    paired_run,
    upgrade,
    verdict,
)
from tests.bench.samples import SUBJECT, TINY, baseline, record, records, run

MEBIBYTE = 2**20


class Reader(html.parser.HTMLParser):
    """Tags with their attributes, and all text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in {"script", "style"} else self._inside

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        self.text += "" if self._inside else data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def stored() -> Judged:
    """A run of one environment with its baseline."""
    return judged_run(run(records()), baseline())


def figures(text: str) -> list[str]:
    return re.findall(r"<figcaption><strong>(.*?)</strong>", text)


def test_the_verdict_stands_first_with_its_culprit() -> None:
    words = Reader(page([upgrade(1.2)])).words
    said = "✖ REGRESSION TensorFlow 2.21.0 is worse than TensorFlow 2.20.0 by more than is allowed, in step time. step time of"
    assert said in words
    assert words.index("+20.0% 95% certain to be between +18.1% and +21.9% allowed +5.0%") < words.index("Every metric")


def test_an_upgrade_shows_all_its_plots() -> None:
    of_loss = ["Loss", "Running perplexity against the reference&#39;s", "Step time by launch", "Memory by launch"]
    assert figures(page([upgrade()])) == [*of_loss, "Lockstep: differences by step"]


def test_a_run_against_a_baseline_shows_its_plots() -> None:
    text = page([stored()])
    titles = ["Loss", "Running perplexity against the reference&#39;s", "Step time by launch", "Memory by launch"]
    assert figures(text) == titles
    assert "10 reference trainings: spread by rounding alone" in text  # the sample's replicas, all unlike


def test_a_gate_shows_numbers_and_launches_in_turn_apart() -> None:
    text = page([gate()])
    words = Reader(text).words
    assert (
        f"TensorFlow {NEW} is as correct as the baselines, and a slowdown of 5.0% or more is ruled out ({SUBJECT.name})."
        in words
    )
    assert f"TensorFlow {NEW} against the baselines and TensorFlow {OLD}" in words
    assert re.findall(r"<h2>(.*?-cpu0.*?)</h2>", text) == [
        TINY.name,
        SUBJECT.name,
        f"{SUBJECT.name}, in turn with the reference",
    ]
    assert "step time since 2.20.0" in words


def test_a_gate_without_speed_says_so_beside_its_outcome() -> None:
    words = Reader(page([gate(speed=False)])).words
    assert words.startswith("PASS – tfgate ✔ PASS (numbers only; speed not measured)")
    assert "its speed was not measured" in words


def test_a_reference_that_could_not_be_built_is_told() -> None:
    problem = "the reference environment can't be built: there is no network"
    measured = dataclasses.replace(gate_run(speed=False), speed_problem=problem)
    words = Reader(page([Judged(measured, judge_gate(measured, STANDARDS))])).words
    assert words.startswith("CANNOT JUDGE")
    assert problem in words


def test_each_metric_has_its_command() -> None:
    text = page([gate()])
    assert "<code>tfgate gate --no-speed --to /venv/bin/python --config tiny</code>" in text
    command = "tfgate upgrade --from reference --to /venv/bin/python --config notebook --metric &#39;step time&#39;"
    assert f"<td>step time</td><td><code>{command}</code>" in text


def test_a_departure_is_marked() -> None:
    departed = dataclasses.replace(upgrade(), run=dataclasses.replace(paired_run(), lockstep=lockstep(departs=True)))
    assert "◆ gradient of embedding leaves its limit of 4.0e-06 at step 2" in page([departed])


def test_only_differences_are_shown_unfolded() -> None:
    text = page([upgrade()])
    before, _, folded = text.partition("<details><summary>All ")
    compared = before[before.index("What was compared") :]
    assert f"<td>{OLD}</td><td><mark>{NEW}</mark></td>" in compared
    assert "<td>1.16.0</td><td><mark>1.17.0</mark></td>" in compared
    assert "absl-py" not in compared
    assert "<td>2.5.1</td><td>2.5.1</td>" in folded


def test_how_to_reproduce_has_the_locks_with_their_hashes() -> None:
    text = page([upgrade()])
    reproduce = text[text.index("How to reproduce") :]
    assert f"<pre>tfgate upgrade --from {OLD} --to {NEW}</pre>" in reproduce
    assert "absl-py==2.5.1\nsix==1.16.0\n" in reproduce
    assert f"six==1.17.0 --hash=sha256:{'ab' * 32}" in reproduce


def test_several_runs_have_an_overview_with_the_worst_on_top() -> None:
    words = Reader(page([upgrade(), upgrade(1.2), stored()])).words
    assert words.startswith("REGRESSION – tfgate ✖ REGRESSION 3 runs ✔ PASS")


def test_failures_and_warnings_are_told() -> None:
    failed = [*records()[:3], record(launch=3, failure=Failure("crashed", "killed by SIGKILL"))]
    measured = run(failed, warnings=["load: 3.00 processes ran besides"])
    words = Reader(page([judged_run(measured)])).words
    assert "! MEASUREMENT FAILED" in words
    assert f"failed: {SUBJECT.name}, launch 4: killed by SIGKILL" in words
    assert "load: 3.00 processes ran besides" in words


@pytest.mark.parametrize(
    ("of", "word"), [([], "CANNOT JUDGE"), ([record(failure=Failure("crashed", "killed"))], "MEASUREMENT FAILED")]
)
def test_a_run_that_holds_nothing_is_shown(of: Sequence[Record], word: str) -> None:
    assert Reader(page([judged_run(run(of))])).words.startswith(f"{word} – tfgate")


def test_a_training_gone_wild_is_drawn() -> None:
    wild = dataclasses.replace(record(), losses=(float("nan"), float("inf"), 1e30, *record().losses[3:]))
    measured = run([wild, *records()[1:]])
    text = page([dataclasses.replace(stored(), run=measured)])
    assert re.search(r'd="[^"]*(nan|inf)', text) is None


def hostile() -> Judged:
    """Every text of a run, a verdict and a baseline is hostile."""
    subject = dataclasses.replace(SUBJECT, config=HOSTILE, corpus=HOSTILE)
    failed = record(subject=subject, tensorflow=HOSTILE, failure=Failure("crashed", HOSTILE))
    spoilt = [dataclasses.replace(each, subject=subject, started=HOSTILE) for each in records(tensorflow=HOSTILE)]
    measured = dataclasses.replace(run([*spoilt, failed], HOSTILE, [HOSTILE]), command=("tfgate", HOSTILE))
    comparison = Comparison(subject.name, HOSTILE, Outcome.REGRESSION, HOSTILE, HOSTILE, HOSTILE)
    judged = Verdict(Outcome.REGRESSION, (*verdict(1.2).comparisons, comparison), (HOSTILE,), (HOSTILE,))
    return Judged(
        measured,
        judged,
        {subject.name: dataclasses.replace(baseline(reason=HOSTILE), subject=subject, created=HOSTILE)},
    )


def hostile_upgrade() -> Judged:
    """The same of a paired run."""
    return Judged(hostile_paired_run(), judge_paired(hostile_paired_run(), GATE_MARGINS))


@pytest.mark.parametrize("of", [hostile, hostile_upgrade, hostile_gate])
def test_hostile_names_change_nothing_but_the_text_shown(of: Callable[[], Judged]) -> None:
    mild, wild = Reader(page([stored(), upgrade(1.2), gate()])), Reader(page([of()]))
    assert {tag for tag, _ in wild.tags} <= {tag for tag, _ in mild.tags}
    assert [tag for tag, _ in wild.tags].count("script") == 1
    assert not [
        name for _, attributes in wild.tags for name in attributes if name.startswith("on") or name in {"src", "href"}
    ]
    assert "<script>window.owned = 1</script>" in wild.words
    assert "{{ 7 * 7 }}" in wild.words
    assert re.search(r"[^\n -~–—−≤≥×→←▶◀σ±✔✖?ℹ■●◆·▲⇅›…]", wild.text) is None


def test_names_in_profiles_are_text_too() -> None:
    wild = dataclasses.replace(
        upgrade(1.2), profiles=(two_operations(400, 100), two_operations(500, 90, prefix="<b>\x1b[2J</b>"))
    )
    reader = Reader(page([wild]))
    assert "Where the time of a step goes" in reader.words
    assert "<b>[2J</b>MatMul" in reader.words.replace(" [2J", "[2J")
    assert "b" not in {tag for tag, _ in reader.tags}


def test_nothing_is_fetched() -> None:
    reader = Reader(page([upgrade(1.2)]))
    assert not [tag for tag, _ in reader.tags if tag in {"link", "img", "iframe", "object", "embed"}]
    (policy,) = [
        attributes["content"] for tag, attributes in reader.tags if tag == "meta" and "http-equiv" in attributes
    ]
    assert policy
    assert policy.startswith("default-src 'none';")


def test_a_page_of_fifty_launches_is_under_two_megabytes() -> None:
    subject = dataclasses.replace(SUBJECT, steps=2000)
    losses = tuple(50 + 0.001 * step for step in range(2000))
    of = [
        dataclasses.replace(record(launch=n), subject=subject, losses=losses, step_seconds=(0.1,) * 1500)
        for n in range(50)
    ]
    text = page([judged_run(run(of))])
    assert len(text.encode()) < 2 * MEBIBYTE
