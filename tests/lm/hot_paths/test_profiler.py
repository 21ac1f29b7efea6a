"""TensorFlow's profiler by its own files, and what is said where it fails."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow


def test_a_tensorflow_without_profiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from lm.hot_paths import profiler

    monkeypatch.delattr(tf.profiler, "experimental")
    with pytest.raises(profiler.ProfilerError, match=rf"TensorFlow {tf.__version__} has no profiler that works"):
        profiler.recording(tmp_path).__enter__()


def test_a_profiler_that_is_running_is_no_profiler_that_works(tmp_path: Path) -> None:
    from lm.hot_paths import profiler

    with (
        profiler.recording(tmp_path),
        pytest.raises(profiler.ProfilerError, match=r"has no profiler that works: .*[Aa]nother profiler"),
    ):
        profiler.recording(tmp_path).__enter__()


def test_a_folder_without_trace_is_an_error(tmp_path: Path) -> None:
    from lm.hot_paths import profiler

    with pytest.raises(profiler.ProfilerError, match="wrote no trace"):
        profiler.recorded_file(tmp_path)


def test_each_trace_is_told_by_what_it_takes_and_retracing_is_heard() -> None:
    import tensorflow as tf

    from lm.hot_paths import profiler

    double = tf.function(lambda x: 2 * x, autograph=False)
    with profiler.retracing_messages() as messages:
        for length in range(1, 8):
            double(tf.zeros(length))
    assert int(double.experimental_get_tracing_count()) == 7
    taken = profiler.signatures(double)
    assert len(taken) == 7
    assert all(f"shape=({length},)" in text for length, text in zip(range(1, 8), sorted(taken), strict=True))
    assert any("triggered tf.function retracing" in message for message in messages)
