"""The shared file: where arrays lie, and that what one process writes another reads."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.measure.exchange import ALIGNMENT, Exchange, file_bytes, mapped, reserve, step_shapes
from lm.config import CONFIGS

TINY = CONFIGS["tiny"]


def test_arrays_lie_one_after_the_other(tmp_path: Path) -> None:
    shapes = step_shapes(TINY, lockstep=True)
    reserve(tmp_path / "exchange", shapes)
    owners = mapped(tmp_path / "exchange", shapes).values()
    arrays = [array for of in owners for tensors in of.values() for array in tensors.values()]
    # 9 weights and 4 states: both slots of the reference's weights, the state at the start, then each side's new state,
    # loss, gradients, norm and clipped gradients, and the candidate's new weights.
    assert len(arrays) == 9 + 9 + 4 + 2 * (4 + 1 + 9 + 1 + 9) + 9
    end, size = 0, file_bytes(shapes) // 4
    for array in arrays:
        offset = (array.ctypes.data - arrays[0].ctypes.data) // 4
        assert offset % ALIGNMENT == 0
        assert end <= offset < end + ALIGNMENT
        end = offset + array.size
    assert end <= size < end + ALIGNMENT
    # 500·24 + 24·128 + 32·128 + 128 + 32·64 + 16·64 + 64 + 16·500 + 500 weights, seven times: two slots, gradients,
    # clipped, new.
    assert TINY.parameter_count() == 30_932
    assert 7 * 30_932 < size < 7 * 30_932 + 5_000


def test_one_mapping_reads_what_another_wrote(tmp_path: Path) -> None:
    path = tmp_path / "exchange"
    ours = Exchange.create(path, TINY)
    code = f"""
from pathlib import Path
from bench.measure.exchange import Exchange
from lm.config import CONFIGS
Exchange(Path({str(path)!r}), CONFIGS["tiny"]).results("gradient", 1)["lstm0/bias"][:] = 7
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
    assert np.all(ours.results("gradient", 1)["lstm0/bias"] == 7)
    assert not ours.results("gradient", 0)["lstm0/bias"].any()


def test_reference_weights_after_a_step_are_those_before_the_next(tmp_path: Path) -> None:
    exchange = Exchange.create(tmp_path / "exchange", TINY, lockstep=True)
    exchange.updated(4, "reference")["output/bias"][:] = 1
    exchange.updated(4, "candidate")["output/bias"][:] = 2
    assert np.all(exchange.weights(5)["output/bias"] == 1)
    assert not exchange.weights(4)["output/bias"].any()
    assert np.all(exchange.updated(5, "candidate")["output/bias"] == 2)
    exchange.results("norm", 4, "candidate")[""][...] = 3
    assert not exchange.results("norm", 4, "reference")[""].any()


def test_a_launch_takes_its_next_step_while_the_last_one_is_compared(tmp_path: Path) -> None:
    """Comparing step 4 reads the weights before and after it, and its results: step 5 writes to none of them."""
    exchange = Exchange.create(tmp_path / "exchange", TINY)
    for array in (exchange.weights(6)["output/bias"], exchange.results("clipped", 5)["output/bias"]):
        array[:] = 5
    read = (exchange.weights(4), exchange.updated(4), exchange.results("clipped", 4))
    assert not any(arrays["output/bias"].any() for arrays in read)


def test_a_file_that_is_too_short_is_refused(tmp_path: Path) -> None:
    """Such as that of two roles in lockstep, which publish no logits, to a launch alone."""
    Exchange.create(tmp_path / "exchange", TINY, lockstep=True)
    with pytest.raises(ValueError, match="reshape"):
        Exchange(tmp_path / "exchange", TINY)
