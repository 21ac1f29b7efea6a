"""The arithmetic of the comparison with PyTorch."""

from lm.config import CONFIGS
from tests.figures.pytorch import step_flops


def test_flops_by_hand() -> None:
    """Tiny: (24 + 32) · 128 + (32 + 16) · 64 + 16 · 500 = 18,240 multiply-adds a token; 2 each, 3 passes, 80 tokens."""
    assert step_flops(CONFIGS["tiny"]) == 18_240 * 2 * 3 * 80
