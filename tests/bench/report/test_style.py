"""The page's colours: each can be read on its ground, and outcomes and sides differ for colour-blind readers, too."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import bench.report

STYLE = (Path(bench.report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
THEMES = ("light", "dark", "print")
TEXT = ("ink", "quiet", "pass", "regression", "inconclusive", "not-gated")
APART = 15.0  # in CIE 1976's ΔE, of which 2.3 can just be seen
# Linear RGB as a dichromat sees it: Machado, Oliveira and Fernandes (2009), severity 1.
DICHROMATS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def palette(theme: str) -> dict[str, np.ndarray]:
    """Linear RGB of every colour of a theme; what it doesn't set is the light theme's."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    light, dark, paper = (
        {name: linear(value) for name, value in re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)} for block in blocks
    )
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **paper}}[theme]


def linear(colour: str) -> np.ndarray:
    """IEC 61966-2-1."""
    encoded = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG 2.2's contrast ratio, from 1 to 21."""
    low, high = sorted(float(colour @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: np.ndarray) -> np.ndarray:
    """CIE L*a*b* under D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = np.cbrt(np.maximum(np.array(to_xyz) @ np.clip(colour, 0, 1) / (0.95047, 1.0, 1.08883), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_contrast_of_black_and_white_is_21() -> None:
    assert contrast(linear("#000000"), linear("#ffffff")) == pytest.approx(21.0)
    assert contrast(linear("#777777"), linear("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read(theme: str) -> None:
    colours = palette(theme)
    found = {(text, ground): contrast(colours[text], colours[ground]) for text in TEXT for ground in ("paper", "panel")}
    found |= {(word, f"{word}-tint"): contrast(colours[word], colours[f"{word}-tint"]) for word in TEXT[2:]}
    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("sight", [None, *DICHROMATS])
@pytest.mark.parametrize("theme", THEMES)
def test_outcomes_and_sides_differ_for_every_reader(theme: str, sight: str | None) -> None:
    """Glyphs, words, shapes and dashes go with them; so colours need only be told apart, not named."""
    colours = palette(theme)
    seen = {name: lab(np.array(DICHROMATS[sight]) @ colours[name] if sight else colours[name]) for name in colours}
    pairs = [
        *itertools.combinations(("pass", "regression", "inconclusive"), 2),
        ("reference", "candidate"),
        ("candidate", "regression"),
    ]
    apart = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in pairs}
    assert {pair: distance for pair, distance in apart.items() if distance < APART} == {}, apart


def test_red_and_green_of_one_lightness_would_be_found() -> None:
    red, green = (np.array(DICHROMATS["deuteranopia"]) @ linear(colour) for colour in ("#c05000", "#7d7a00"))
    assert float(np.linalg.norm(lab(red) - lab(green))) < APART
