"""Tells whether TensorFlow operations are being traced for XLA, which lacks some.

Code that compiles `fused` with XLA has to say so by `for_xla`, as lm.hot_paths.graphs.hlo_of does.
"""

import contextlib
import contextvars
from collections.abc import Iterator

_TRACED = contextvars.ContextVar("traced for XLA", default=False)


@contextlib.contextmanager
def for_xla() -> Iterator[None]:
    """Declares that operations traced within the block are for XLA."""
    token = _TRACED.set(True)
    try:
        yield
    finally:
        _TRACED.reset(token)


def traced_for_xla() -> bool:
    """Returns whether the caller may use only operations that XLA has."""
    return _TRACED.get()
