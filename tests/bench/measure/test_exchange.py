"""The shared file: where arrays lie, and that what one process writes another reads."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.measure.exchange import ALIGNMENT, ALONE, Exchange, layout, reserve
from lm.config import CONFIGS

TINY = CONFIGS["tiny"]


def shared_file(folder: Path) -> Path:
    path = folder / "exchange"
    path.write_bytes(bytes(4 * layout(TINY)[1]))
    return path


def test_arrays_lie_one_after_the_other() -> None:
    places, size = layout(TINY)
    # 9 weights and 4 states: both slots of the reference's weights, the state at the start, then each side's new state,
    # loss, gradients, norm and clipped gradients, and the candidate's new weights.
    assert len(places) == 9 + 9 + 4 + 2 * (4 + 1 + 9 + 1 + 9) + 9
    end = 0
    for offset, shape in places.values():
        assert offset % ALIGNMENT == 0
        assert end <= offset < end + ALIGNMENT
        end = offset + math.prod(shape)
    assert end <= size < end + ALIGNMENT
    # 500·24 + 24·128 + 32·128 + 128 + 32·64 + 16·64 + 64 + 16·500 + 500 weights, seven times: two slots, gradients,
    # clipped, new.
    assert TINY.parameter_count() == 30_932
    assert 7 * 30_932 < size < 7 * 30_932 + 5_000


def test_one_mapping_reads_what_another_wrote(tmp_path: Path) -> None:
    path = shared_file(tmp_path)
    code = f"""
from pathlib import Path
from bench.measure.exchange import Exchange
from lm.config import CONFIGS
Exchange(Path({str(path)!r}), CONFIGS["tiny"]).results("candidate", "gradient")["lstm0/bias"][:] = 7
"""
    ours = Exchange(path, TINY)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
    assert np.all(ours.results("candidate", "gradient")["lstm0/bias"] == 7)
    assert not ours.results("reference", "gradient")["lstm0/bias"].any()


def test_reference_weights_after_a_step_are_those_before_the_next(tmp_path: Path) -> None:
    exchange = Exchange(shared_file(tmp_path), TINY)
    exchange.updated("reference", 4)["output/bias"][:] = 1
    exchange.updated("candidate", 4)["output/bias"][:] = 2
    assert np.all(exchange.weights(5)["output/bias"] == 1)
    assert not exchange.weights(4)["output/bias"].any()
    assert np.all(exchange.updated("candidate", 5)["output/bias"] == 2)


def test_a_launch_takes_its_next_step_while_the_last_one_is_compared(tmp_path: Path) -> None:
    """Comparing step 4 reads the weights before and after it, and its results: step 5 writes to none of them."""
    exchange = reserve(tmp_path / "exchange", TINY, ALONE)
    for array in (exchange.weights(6)["output/bias"], exchange.results(*ALONE, "clipped", 5)["output/bias"]):
        array[:] = 5
    read = (exchange.weights(4), exchange.updated(*ALONE, 4), exchange.results(*ALONE, "clipped", 4))
    assert not any(arrays["output/bias"].any() for arrays in read)


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="configuration 'small' wants"):
        Exchange(shared_file(tmp_path), CONFIGS["small"])
