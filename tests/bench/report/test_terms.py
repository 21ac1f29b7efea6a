"""The words of a page are the glossary's."""

from bench.judge.metrics import NAMES
from bench.report.terms import GLOSSARY, KINDS, METRICS
from tests.docs.markdown import ROOT


def entries() -> dict[str, str]:
    """The glossary's entries, without emphasis."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").replace("*", "")
    lines = [" ".join(entry.split()) for entry in text.split("\n- ")[1:]]
    return dict(line.split(": ", 1) for line in lines)


def test_a_page_says_what_the_glossary_says() -> None:
    found = entries()
    assert [word for word, said in GLOSSARY.items() if not found[word].startswith(said)] == []
    assert not found["oracle"].startswith(GLOSSARY["lockstep"])


def test_what_has_two_kinds_is_a_metric_and_explained() -> None:
    assert KINDS.keys() <= METRICS.keys() <= {*NAMES, "numerics"}
