"""Whether TensorFlow operations are being traced for XLA, which lacks some.

Whoever compiles `fused` has to say so, as lm.hot_paths.graphs.hlo_of does.
"""

import contextlib
import contextvars
from collections.abc import Iterator

_TRACED = contextvars.ContextVar("traced for XLA", default=False)


@contextlib.contextmanager
def for_xla() -> Iterator[None]:
    """What is traced within is for XLA."""
    token = _TRACED.set(True)
    try:
        yield
    finally:
        _TRACED.reset(token)


def traced_for_xla() -> bool:
    """Whether the caller is to do with the operations that XLA has."""
    return _TRACED.get()
