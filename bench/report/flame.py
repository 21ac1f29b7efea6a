"""A flame graph (SVG): from the step to its threads, to name scopes, to operations.

A frame is as wide as its part of the step. Drawn here, in a page of code: the libraries that draw flame graphs want
samples of stacks, and these are shares of an instant.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from html import escape

from bench.profile.layers import scopes
from bench.profile.timeline import Timeline
from bench.report.lines import one_line

WIDTH, FRAME_HEIGHT, LETTER_WIDTH = 1200, 18, 6.5  # pixels
LEAST_WIDTH = 0.5  # a narrower frame can't be seen


@dataclasses.dataclass
class _Frame:
    name: str
    time_ns: float = 0.0
    inner: dict[str, "_Frame"] = dataclasses.field(default_factory=dict)

    def add(self, stack: Sequence[str], time_ns: float) -> None:
        """Adds time to a stack of frames below this one."""
        self.time_ns += time_ns
        if stack:
            self.inner.setdefault(stack[0], _Frame(stack[0])).add(stack[1:], time_ns)

    def depth(self) -> int:
        return 1 + max((frame.depth() for frame in self.inner.values()), default=0)


def flame_svg(times: Timeline, title: str) -> str:
    """Returns the picture; a frame's tooltip has its time and its part of the step."""
    root = _Frame(title)
    for cell in times.cells:
        root.add((cell.line, *scopes(cell.operation.name), cell.operation.kind), cell.shared_ns)
    for name, time_ns in times.rest_ns.items():
        root.add((name,), time_ns)
    height = root.depth() * FRAME_HEIGHT
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="11">'
    return "\n".join([head, *_drawn(root, 0.0, 0, WIDTH / max(root.time_ns, 1.0), times), "</svg>"]) + "\n"


def _drawn(frame: _Frame, left: float, level: int, scale: float, times: Timeline) -> Iterator[str]:
    """Yields the frame and those below it, widest first; `scale` is in pixels a nanosecond."""
    width = frame.time_ns * scale
    if width < LEAST_WIDTH:
        return
    top, name = level * FRAME_HEIGHT, one_line(frame.name)
    tooltip = f"{escape(name)}: {frame.time_ns / times.steps / 1e6:.3f} ms, {frame.time_ns / times.window_ns:.1%}"
    letters = int(width / LETTER_WIDTH)
    text = escape(name[:letters]) if letters > 1 else ""
    size = f'width="{width:.2f}" height="{FRAME_HEIGHT - 1}"'
    yield (
        f'<g><title>{tooltip}</title><rect x="{left:.2f}" y="{top}" {size} fill="{_colour(frame.name)}"/>'
        f'<text x="{left + 2:.2f}" y="{top + FRAME_HEIGHT - 6}">{text}</text></g>'
    )
    for inner in sorted(frame.inner.values(), key=lambda one: (-one.time_ns, one.name)):
        yield from _drawn(inner, left, level + 1, scale, times)
        left += inner.time_ns * scale


def _colour(name: str) -> str:
    """Returns a warm colour, the same for the same name."""
    digest = hashlib.sha256(name.encode()).digest()
    return f"hsl({digest[0] * 50 // 255}, {60 + digest[1] * 30 // 255}%, {65 + digest[2] * 15 // 255}%)"
