"""The page as text, in which names from a run stay text. tests/bench/report/test_browser.py opens it."""

import dataclasses
import functools
import html.parser
import re
from collections.abc import Callable, Sequence

import pytest

from bench.record.types import Failure, Record
from bench.report.formats.html import render
from bench.report.judged import Judged
from tests.builders.golden import golden
from tests.builders.profiles import two_operations
from tests.builders.records import SUBJECT, TINY, record, records, run
from tests.builders.verdicts import (
    EXACT,
    HOSTILE_REPORTS,
    LOAD,
    NEW,
    OLD,
    failed,
    gate,
    judged_run,
    lockstep,
    paired_run,
    stored,
    upgrade,
    verdict,
)

MEBIBYTE = 2**20
BREAKS = {"p", "li", "tr", "h1", "h2", "h3", "summary", "figcaption", "caption", "div", "title", "pre"}


class Reader(html.parser.HTMLParser):
    """Tags with their attributes, and all text outside scripts, styles and plots, a line for each block."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = self._inside or (tag if tag in {"script", "style", "svg"} else "")
        self.text += "\n" if tag in BREAKS else " "

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        self.text += "" if self._inside else re.sub(r"\s+", " ", data)

    @property
    def lines(self) -> list[str]:
        return [shown for line in self.text.splitlines() if (shown := " ".join(line.split()))]


@functools.cache
def mild() -> Reader:
    return Reader(render([stored(), upgrade(1.2), gate(1.2)]))


def headings(text: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", text)


def figures(text: str) -> list[str]:
    return re.findall(r"<figcaption><strong>(.*?)</strong>", text)


@pytest.mark.usefixtures("undrawn")
def test_wording() -> None:
    departed = dataclasses.replace(paired_run(1.2), lockstep=lockstep(departs=True))
    judged = dataclasses.replace(upgrade(1.2, warnings=[LOAD]), run=departed)
    golden("page.txt", "\n".join(Reader(render([judged, failed(), stored()])).lines))


@pytest.mark.usefixtures("undrawn")
def test_what_decided_stands_before_every_metric() -> None:
    lines = Reader(render([upgrade(1.2)])).lines
    metrics = lines.index("Every metric")
    assert lines[1].endswith("REGRESSION")
    assert any("step time" in line and "+20.0%" in line and "5.0%" in line for line in lines[:metrics])


@pytest.mark.parametrize("judged", [upgrade(), stored()], ids=["upgrade", "run"])
@pytest.mark.usefixtures("undrawn")
def test_all_its_plots_are_shown(judged: Judged) -> None:
    of_loss = ["Loss", "Running perplexity against the reference&#39;s", "Step time by launch", "Memory by launch"]
    of_lockstep = ["Lockstep: differences by step"] if judged.run == paired_run() else []
    assert figures(render([judged])) == [*of_loss, *of_lockstep]


@pytest.mark.usefixtures("undrawn")
def test_a_gate_shows_numbers_and_launches_in_turn_apart() -> None:
    subjects = [heading for heading in headings(render([gate()])) if "cpu0" in heading]
    assert subjects == [TINY.name, SUBJECT.name, f"{SUBJECT.name}, in turn with the reference"]


@pytest.mark.usefixtures("undrawn")
def test_only_differences_are_shown_unfolded() -> None:
    text = render([upgrade()])
    before, _, folded = text.partition("<details><summary>All ")
    shown = before[before.index("What was compared") :]
    assert f"<td>{OLD}</td>\n<td><mark>{NEW}</mark></td>" in shown
    assert "<td>1.16.0</td>\n<td><mark>1.17.0</mark></td>" in shown
    assert "absl-py" not in shown
    assert "<td>2.5.1</td>\n<td>2.5.1</td>" in folded


@pytest.mark.usefixtures("undrawn")
def test_one_environment_is_checked_against_the_baselines_where_there_are_any() -> None:
    predicts = dataclasses.replace(SUBJECT, workload="predict", metrics=("step time",))
    for judged, standard in ((stored(), "the baselines"), (judged_run(run(records(subject=predicts))), "the oracle")):
        assert f"<p>One environment, checked against {standard}.</p>" in render([judged])


@pytest.mark.usefixtures("undrawn")
def test_how_to_reproduce_has_the_locks_with_their_hashes() -> None:
    text = render([upgrade()])
    reproduce = text[text.index("How to reproduce") :]
    when = paired_run().reference.as_of
    assert f"<pre>tfgate upgrade --from {OLD} --to {NEW} --as-of {when}</pre>" in reproduce
    assert "absl-py==2.5.1\nsix==1.16.0\n" in reproduce
    assert f"six==1.17.0 --hash=sha256:{'ab' * 32}" in reproduce
    spaced = dataclasses.replace(paired_run(), command=("tfgate", "upgrade", "--to-env", "a  b"))
    assert "--to-env &#39;a  b&#39;" in render([dataclasses.replace(upgrade(), run=spaced)])


@pytest.mark.usefixtures("undrawn")
def test_several_runs_have_an_overview_with_the_worst_on_top() -> None:
    lines = Reader(render([upgrade(), upgrade(1.2), stored()])).lines
    assert [line.split()[0] for line in lines[:3]] == ["REGRESSION:", "✖", "✔"]
    assert lines[0] == "REGRESSION: 3 runs – tfgate"


@pytest.mark.parametrize("of", [[], [record(failure=Failure("crashed", "killed"))]], ids=["empty", "failed"])
@pytest.mark.usefixtures("undrawn")
def test_a_run_that_holds_nothing_is_shown(of: Sequence[Record]) -> None:
    assert "How to reproduce" in headings(render([judged_run(run(of))]))


def test_a_training_gone_wild_is_drawn() -> None:
    wild = dataclasses.replace(record(), losses=(float("nan"), float("inf"), 1e30, *record().losses[3:]))
    text = render([dataclasses.replace(stored(), run=run([wild, *records()[1:]]))])
    assert re.search(r'd="[^"]*(nan|inf)', text) is None


@pytest.mark.parametrize("of", HOSTILE_REPORTS)
@pytest.mark.usefixtures("undrawn")
def test_hostile_names_change_nothing_but_the_text_shown(of: Callable[[], Judged]) -> None:
    wild = Reader(render([of()]))
    shown = " ".join(wild.lines)
    assert {tag for tag, _ in wild.tags} <= {tag for tag, _ in mild().tags}
    assert [tag for tag, _ in wild.tags].count("script") == 1
    names = {name for _, attributes in wild.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "src"]
    links = [str(attributes["href"]) for _, attributes in wild.tags if "href" in attributes]
    assert {link for link in links if not re.fullmatch("#(word|run)-[A-Za-z0-9-]+", link)} == set()
    assert "<script>window.owned = 1</script>" in shown
    assert "{{ 7 * 7 }}" in shown
    assert re.search(r"[^\n -~–—−≤≥×→←▶◀σ±✔✖?ℹ■●◆·▲⇅›…]", wild.text) is None


@pytest.mark.usefixtures("undrawn")
def test_names_in_profiles_are_text_too() -> None:
    profiles = (two_operations(400, 100), two_operations(500, 90, prefix="<b>\x1b[2J</b>"))
    reader = Reader(render([dataclasses.replace(upgrade(1.2), profiles=profiles)]))
    assert "<b> [2J</b>MatMul" in " ".join(reader.lines)
    assert "b" not in {tag for tag, _ in reader.tags}


@pytest.mark.usefixtures("undrawn")
def test_nothing_is_fetched() -> None:
    reader = Reader(render([upgrade(1.2)]))
    assert not [tag for tag, _ in reader.tags if tag in {"link", "img", "iframe", "object", "embed"}]
    (policy,) = [told["content"] for tag, told in reader.tags if tag == "meta" and "http-equiv" in told]
    assert policy
    assert policy.startswith("default-src 'none';")


def test_a_page_of_fifty_launches_is_under_two_megabytes() -> None:
    subject = dataclasses.replace(SUBJECT, steps=2000)
    losses = tuple(50 + 0.001 * step for step in range(2000))
    long = dataclasses.replace(record(), subject=subject, losses=losses, step_seconds=(0.1,) * 1500)
    text = render([judged_run(run([dataclasses.replace(long, launch=launch) for launch in range(50)]))])
    assert len(text.encode()) < 2 * MEBIBYTE


@pytest.mark.usefixtures("undrawn")
def test_each_row_says_the_bound_that_decided() -> None:
    text, slower = (" ".join(Reader(render([one])).text.split()) for one in (gate(), upgrade(1.2)))
    # a PASS: one-sided
    assert "(95% bound +0.52%, 10 launches): excludes the 5.0% margin +0.08% margin 5.0% 100.08 / 100.00 ms" in text
    assert "(95% CI +18.1% to +21.9%, 4 launches): exceeds the 5.0% margin +20.0% margin 5.0% 120.00 / 100.00" in slower


@pytest.mark.usefixtures("undrawn")
def test_bars_are_explained_where_there_are_any() -> None:
    numbers = Judged(paired_run(), verdict([EXACT]))
    texts = (render([numbers]), render([gate()]))
    assert [("thick bar" in text, 'class="forest-row axis"' in text) for text in texts] == [(False,) * 2, (True,) * 2]


@pytest.mark.usefixtures("undrawn")
def test_words_and_contents_lead_somewhere() -> None:
    text = render([gate(), stored()])
    tags = Reader(text).tags
    ids = {attributes["id"] for _, attributes in tags if attributes.get("id")}
    links = [str(attributes["href"]) for tag, attributes in tags if tag == "a"]
    assert {link.removeprefix("#") for link in links} <= ids
    assert "#word-launch" in links
    assert [link for link in links if link.startswith("#run-1-plots-")] == [f"#run-1-plots-{n}" for n in (1, 2, 3)]
    assert {"#run-2-metrics", "#run-2-trust", "#run-2-numbers", "#run-2-again"} <= {*links}  # of one subject
