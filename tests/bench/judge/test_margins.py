"""The margins file."""

import dataclasses
from pathlib import Path

import pytest

from bench.judge.margins import RATIOS, Margins, MarginsError, read_margins
from lm.config import CONFIGS

TEXT = """\
micro = 0.15
between_hosts = 0.03

[gating]
step_time = 0.05

[gating.perplexity]
tiny = 0.01

[gating.memory_growth]
tiny = 1000

[window_start]
tiny = 0.2
large = 0

[budget]
step_time = 0.10
"""
EVERY_RATIO = "\n".join(f"{metric} = 0.05" for metric in RATIOS[1:])
SIX_RATIOS = "\n".join(f"{metric} = 0.05" for metric in [one for one in RATIOS if one != "step_time"][:6])
ROOT = Path(__file__).resolve().parents[3]


def read(folder: Path, text: str) -> Margins:
    path = folder / "margins.toml"
    path.write_text(text, encoding="utf-8")
    return read_margins(path)


def test_reads_every_entry(tmp_path: Path) -> None:
    assert read(tmp_path, TEXT) == Margins(
        gating={"step_time": 0.05, "perplexity": {"tiny": 0.01}, "memory_growth": {"tiny": 1000}},
        window_start={"tiny": 0.2, "large": 0},
        budget={"step_time": 0.10},
        between_hosts=0.03,
        micro=0.15,
    )


def test_the_repository_s_margins_can_be_used() -> None:
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    assert set(margins.window_start) >= set(CONFIGS)  # a new configuration's come first, since they change alone
    assert all(margins.of(metric, config) for metric in margins.gating for config in CONFIGS)
    assert set(margins.budget) <= set(margins.gating)


def test_a_margin_is_one_number_or_one_of_each_configuration(tmp_path: Path) -> None:
    margins = read(tmp_path, TEXT)
    assert (margins.of("step time", "tiny"), margins.of("step time", "notebook")) == (0.05, 0.05)
    assert (margins.of("perplexity", "tiny"), margins.of("perplexity", "notebook")) == (0.01, None)
    assert margins.of("import", "tiny") is None


WORKLOADS = """
[without_pilot]
step_time = 0.05
peak_memory = 0.10

[workloads.masked]
step_time = 0.02

[workloads.masked.memory_growth]
tiny = 500
"""


def test_another_workload_has_margins_of_its_own_or_those_without_a_pilot(tmp_path: Path) -> None:
    margins = read(tmp_path, TEXT + WORKLOADS)
    assert [margins.of("step time", "tiny", name) for name in ("train", "masked", "predict")] == [0.05, 0.02, 0.05]
    assert [margins.of("peak memory", "tiny", name) for name in ("train", "masked", "predict")] == [None, 0.10, 0.10]
    assert [margins.of("memory growth", "tiny", name) for name in ("train", "masked", "predict")] == [1000, 500, None]
    assert margins.of("memory growth", "notebook", "masked") is None
    assert margins.of("perplexity", "tiny", "masked") is None
    assert margins.metrics("tiny", "masked") == ["step time", "peak memory", "memory growth"]
    budget = TEXT.replace("[budget]\n", "[budget]\npeak_memory = 0.10\n")
    assert "peak_memory" in read(tmp_path, budget + WORKLOADS).budget  # it gates another workload
    with pytest.raises(MarginsError, match=r"budget\.peak_memory"):
        read(tmp_path, budget)


def test_a_margin_of_step_times_takes_the_place_of_all_others_of_theirs(tmp_path: Path) -> None:
    margins = read(tmp_path, TEXT + WORKLOADS)
    own = dataclasses.replace(margins, step_times=0.03)
    for name in ("train", "masked", "predict"):
        assert [own.of(metric, "tiny", name) for metric in ("step time", "step time on one core")] == [0.03, 0.03]
        assert own.of("peak memory", "tiny", name) == margins.of("peak memory", "tiny", name)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("step_time = 0.02", "step_time = 2", "workloads.masked.step_time is 2; it must be a fraction"),
        ("step_time = 0.02", "speed = 0.02", "workloads.masked is .*'speed'.*; it must be a table of margins for"),
        ("peak_memory = 0.10", "peak_memory = 0", "without_pilot.peak_memory is 0; it must be a fraction"),
        ("peak_memory = 0.10", EVERY_RATIO.replace("step_time = 0.05", ""), "without_pilot is .* at most 8 metrics"),
        ("peak_memory = 0.10", SIX_RATIOS, "workloads.masked is .* at most 8 metrics"),
        (
            "[workloads.masked]\nstep_time = 0.02",
            "[workloads]\nmasked = 3",
            "workloads.masked is 3; it must be a table",
        ),
    ],
)
def test_a_wrong_margin_of_a_workload_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = TEXT + (WORKLOADS if "masked]\n" not in old else WORKLOADS.split("\n[workloads.masked.m")[0])
    assert old in text
    with pytest.raises(MarginsError, match=said):
        read(tmp_path, text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("micro = 0.15", "", "entry 'micro' is missing"),
        ("micro =", "mikro =", "entry 'mikro' is unknown|entry 'micro' is missing"),
        ("micro = 0.15", "micro = 0.15\nspeed = 1", "entry 'speed' is unknown"),
        ("micro = 0.15", "micro = 0.15\nstep_times = 0.1", "entry 'step_times' is unknown"),
        ("micro = 0.15", "micro = 25", "micro is 25; it must be a fraction above 0 and below 1"),
        ("micro = 0.15", "micro = 0.0", "micro is 0.0; it must be"),
        ("micro = 0.15", "micro = nan", "micro is nan; it must be"),
        ("micro = 0.15", "micro = true", "micro is True; it must be"),
        ("micro = 0.15", 'micro = "10%"', "micro is '10%'; it must be"),
        ("between_hosts = 0.03", "between_hosts = 0", "between_hosts is 0; it must be"),
        ("[gating]\nstep_time = 0.05", "[gating]\nstep_time = 0", "gating.step_time is 0; it must be"),
        ("step_time = 0.05", "step_time = {}", "gating.step_time is {}; it must be a table of margins for tiny, large"),
        (
            "[gating]\nstep_time",
            "[gating]\nstep",
            "gating is \\['step'\\]; it must be a table of margins for perplexity",
        ),
        (
            "[gating]\nstep_time = 0.05",
            f"[gating]\n{EVERY_RATIO}",
            "gating is .*; it must be at most 8 metrics",
        ),
        (
            "[budget]\nstep_time",
            "[budget]\nstep",
            "budget is \\['step'\\]; it must be a table of margins for step_time_on_one_core, step_time",
        ),
        ("[budget]\nstep_time = 0.10", "[budget]\nstep_time = 1", "budget.step_time is 1; it must be a fraction"),
        (
            "[budget]\nstep_time",
            "[budget]\ncpu_time",
            r"budget\.cpu_time is 0\.1; it must be of a metric with a margin in \[gating\]",
        ),
        (
            "[gating.memory_growth]\ntiny = 1000",
            "[gating.memory_growth]\ntiny = 0",
            "gating.memory_growth.tiny is 0; it must be a number above 0",
        ),
        (
            "[gating.memory_growth]\ntiny = 1000",
            "[gating.memory_growth]\ntiny = inf",
            "gating.memory_growth.tiny is inf; it must be a number above 0",
        ),
        (
            "[gating.perplexity]\ntiny = 0.01",
            "[gating.perplexity]\ntinny = 0.01",
            "gating.perplexity is .'tinny'.; it must be a table of margins for tiny, large",
        ),
        (
            "[gating.perplexity]\ntiny = 0.01",
            "[gating.perplexity.tiny]\nx = 1",
            "gating.perplexity.tiny is {.x.: 1}; it must be a fraction",
        ),
        ("tiny = 0.01", "tiny = 1", "gating.perplexity.tiny is 1; it must be a fraction above 0 and below 1"),
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
    text = TEXT.replace("[budget]\nstep_time = 0.10\n", "").replace("micro = 0.15", "micro = 0.15\nbudget = 1000")
    with pytest.raises(MarginsError, match=r"margins\.toml: budget is 1000; it must be a table of numbers"):
        read(tmp_path, text)


def test_eight_metrics_gate_and_a_budget_counts_as_one(tmp_path: Path) -> None:
    """An upgrade judges perplexity by launches, and has no budget; in a gate replicates do, and one budget fits."""
    six = "\n".join(f"{metric} = 0.05" for metric in RATIOS[1:7])
    eight = TEXT.replace("[gating]\nstep_time = 0.05", f"[gating]\n{six}")
    assert len(read(tmp_path, eight).gating) == 8
    with pytest.raises(MarginsError, match=r"gating and budget is .*; it must be at most 8 metrics"):
        read(tmp_path, eight + "mean_step = 0.10\n")


def test_a_budget_of_what_a_workload_judges_counts_there_too(tmp_path: Path) -> None:
    seven = "\n".join(f"{metric} = 0.05" for metric in RATIOS[:7])
    found = read(tmp_path, f"{TEXT}[workloads.mine]\n{seven}\n")
    assert len(found.workloads["mine"]) == 7
    with pytest.raises(MarginsError, match=r"workloads\.mine is .9 metrics in all.; it must be at most 8 metrics"):
        read(tmp_path, f"{TEXT}[workloads.mine]\n{seven}\n{RATIOS[7]} = 0.05\n")


def test_text_that_is_not_utf8_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "margins.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MarginsError, match=r"margins\.toml is not TOML"):
        read_margins(tmp_path / "margins.toml")


@pytest.mark.parametrize("value", ["[" * 10_000 + "]" * 10_000, "9" * 5000], ids=["nested deep", "many digits"])
def test_text_that_no_parser_takes_is_refused_with_its_path(tmp_path: Path, value: str) -> None:
    with pytest.raises(MarginsError, match=r"margins\.toml is not TOML"):
        read(tmp_path, TEXT.replace("0.15", value))
