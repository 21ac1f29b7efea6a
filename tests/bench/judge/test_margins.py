"""The margins file."""

from pathlib import Path

import pytest

from bench.judge.margins import PAIRED_METRICS, Margins, MarginsError, read_margins
from lm.config import CONFIGS

TEXT = """\
speed = 0.25
memory = 0.10
micro = 0.15
speed_informs = ["tiny"]
speed_by_yardstick = []
memory_growth_bytes = 1000

[paired]
step_time = 0.05

[perplexity]
tiny = 0.01

[window_start]
tiny = 0.2
large = 0
"""
EVERY_PAIRED = "\n".join(f"{metric} = 0.05" for metric in PAIRED_METRICS)
ROOT = Path(__file__).resolve().parents[3]


def read(folder: Path, text: str) -> Margins:
    path = folder / "margins.toml"
    path.write_text(text, encoding="utf-8")
    return read_margins(path)


def test_reads_every_entry(tmp_path: Path) -> None:
    assert read(tmp_path, TEXT) == Margins(
        0.25, 0.10, {"tiny": 0.01}, ("tiny",), (), {"tiny": 0.2, "large": 0}, {"step_time": 0.05}, 1000, 0.15
    )


def test_the_repository_s_margins_can_be_used() -> None:
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    assert set(margins.perplexity) == set(CONFIGS) == set(margins.window_start)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("speed = 0.25", "", "entry 'speed' is missing"),
        ("step_time = 0.05", "step_time = 0", "paired.step_time is 0; it must be"),
        ("step_time", "step", "paired is \\['step'\\]; it must be a table of fractions for step_time"),
        ("step_time = 0.05", EVERY_PAIRED, "paired is .*; it must be at most 6 metrics"),
        ("memory_growth_bytes = 1000", "memory_growth_bytes = 0", "memory_growth_bytes is 0; it must be bytes a step, above 0"),
        ("memory =", "memoir =", "entry 'memoir' is unknown|entry 'memory' is missing"),
        ("speed = 0.25", "speed = 0.25\nspede = 1", "entry 'spede' is unknown"),
        ("speed = 0.25", "speed = 25", "speed is 25; it must be a fraction above 0 and below 1"),
        ("speed = 0.25", "speed = 0.0", "speed is 0.0; it must be"),
        ("speed = 0.25", "speed = nan", "speed is nan; it must be"),
        ("speed = 0.25", "speed = true", "speed is True; it must be"),
        ("memory = 0.10", 'memory = "10%"', "memory is '10%'; it must be"),
        ('["tiny"]', '"tiny"', "speed_informs is 'tiny'; it must be a list"),
        ('["tiny"]', "[1]", "speed_informs is .1.; it must be a list"),
        ("perplexity]\ntiny = 0.01", "perplexity.tiny]\nx = 1", "perplexity.tiny is {.x.: 1}; it must be a fraction"),
        ("tiny = 0.01", "tiny = 1", "perplexity.tiny is 1; it must be a fraction above 0 and below 1"),
        ("tiny = 0.2", "tiny = 1.0", "window_start.tiny is 1.0; it must be a fraction from 0 and below 1"),
        ("tiny = 0.2", "tiny = false", "window_start.tiny is False; it must be"),
        ("speed = 0.25", "speed 0.25", "is not TOML"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(MarginsError, match=said):
        read(tmp_path, TEXT.replace(old, new))


def test_text_that_is_not_utf8_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "margins.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MarginsError, match=r"margins\.toml is not TOML"):
        read_margins(tmp_path / "margins.toml")
