"""The margins file."""

from pathlib import Path

import pytest

from bench.judge.margins import RELATIVE, Margins, MarginsError, read_margins
from lm.config import CONFIGS

TEXT = """\
micro = 0.15
between_hosts = 0.03

[paired]
step_time = 0.05

[perplexity]
tiny = 0.01

[window_start]
tiny = 0.2
large = 0

[memory_growth_bytes]
tiny = 1000

[budget]
step_time = 0.10
"""
EVERY_PAIRED = "\n".join(f"{metric} = 0.05" for metric in RELATIVE)
ROOT = Path(__file__).resolve().parents[3]


def read(folder: Path, text: str) -> Margins:
    path = folder / "margins.toml"
    path.write_text(text, encoding="utf-8")
    return read_margins(path)


def test_reads_every_entry(tmp_path: Path) -> None:
    assert read(tmp_path, TEXT) == Margins(
        perplexity={"tiny": 0.01},
        window_start={"tiny": 0.2, "large": 0},
        paired={"step_time": 0.05},
        memory_growth_bytes={"tiny": 1000},
        budget={"step_time": 0.10},
        between_hosts=0.03,
        micro=0.15,
    )


def test_the_repository_s_margins_can_be_used() -> None:
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    assert set(margins.perplexity) == set(CONFIGS) == set(margins.window_start) == set(margins.memory_growth_bytes)
    assert set(margins.budget) <= set(margins.paired)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("micro = 0.15", "", "entry 'micro' is missing"),
        ("micro =", "mikro =", "entry 'mikro' is unknown|entry 'micro' is missing"),
        ("micro = 0.15", "micro = 0.15\nspeed = 1", "entry 'speed' is unknown"),
        ("micro = 0.15", "micro = 25", "micro is 25; it must be a fraction above 0 and below 1"),
        ("micro = 0.15", "micro = 0.0", "micro is 0.0; it must be"),
        ("micro = 0.15", "micro = nan", "micro is nan; it must be"),
        ("micro = 0.15", "micro = true", "micro is True; it must be"),
        ("micro = 0.15", 'micro = "10%"', "micro is '10%'; it must be"),
        ("between_hosts = 0.03", "between_hosts = 0", "between_hosts is 0; it must be"),
        ("[paired]\nstep_time = 0.05", "[paired]\nstep_time = 0", "paired.step_time is 0; it must be"),
        (
            "[paired]\nstep_time",
            "[paired]\nstep",
            "paired is \\['step'\\]; it must be a table of margins for step_time",
        ),
        (
            "[paired]\nstep_time = 0.05",
            f"[paired]\n{EVERY_PAIRED}",
            "paired and budget is .*; it must be at most 6 metrics",
        ),
        (
            "[budget]\nstep_time",
            "[budget]\nstep",
            "budget is \\['step'\\]; it must be a table of margins for step_time",
        ),
        ("[budget]\nstep_time = 0.10", "[budget]\nstep_time = 1", "budget.step_time is 1; it must be a fraction"),
        (
            "[memory_growth_bytes]\ntiny = 1000",
            "[memory_growth_bytes]\ntiny = 0",
            "memory_growth_bytes.tiny is 0; it must be bytes a step",
        ),
        (
            "[memory_growth_bytes]\ntiny = 1000",
            "[memory_growth_bytes]\ntiny = inf",
            "memory_growth_bytes.tiny is inf; it must be bytes",
        ),
        ("[perplexity]\ntiny = 0.01", "[perplexity.tiny]\nx = 1", "perplexity.tiny is {.x.: 1}; it must be a fraction"),
        ("tiny = 0.01", "tiny = 1", "perplexity.tiny is 1; it must be a fraction above 0 and below 1"),
        ("tiny = 0.2", "tiny = 1.0", "window_start.tiny is 1.0; it must be a fraction from 0 and below 1"),
        ("tiny = 0.2", "tiny = false", "window_start.tiny is False; it must be"),
        ("micro = 0.15", "micro 0.15", "is not TOML"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(MarginsError, match=said):
        read(tmp_path, TEXT.replace(old, new))


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    text = TEXT.replace("[memory_growth_bytes]\ntiny = 1000\n", "").replace(
        "micro = 0.15", "micro = 0.15\nmemory_growth_bytes = 1000"
    )
    with pytest.raises(MarginsError, match="memory_growth_bytes is 1000; it must be a table of numbers"):
        read(tmp_path, text)


def test_metrics_with_a_budget_count_as_gating(tmp_path: Path) -> None:
    """Six that gate, and a seventh by its change since the ledger's first entry."""
    six = "\n".join(f"{metric} = 0.05" for metric in RELATIVE[:6])
    with pytest.raises(MarginsError, match=r"paired and budget is .*; it must be at most 6 metrics"):
        read(tmp_path, TEXT.replace("[paired]\nstep_time = 0.05", f"[paired]\n{six}"))


def test_text_that_is_not_utf8_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "margins.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MarginsError, match=r"margins\.toml is not TOML"):
        read_margins(tmp_path / "margins.toml")


def test_a_metric_that_is_no_ratio_has_a_margin_in_its_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.judge.margins.ABSOLUTE", ("file_growth",))
    assert read(tmp_path, TEXT.replace("[paired]", "[paired]\nfile_growth = 4096")).paired["file_growth"] == 4096
    with pytest.raises(MarginsError, match=r"paired\.file_growth is 0; it must be a number above 0"):
        read(tmp_path, TEXT.replace("[paired]", "[paired]\nfile_growth = 0"))
