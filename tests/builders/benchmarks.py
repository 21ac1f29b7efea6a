"""pytest-benchmark files made of numbers."""

import json
from pathlib import Path
from typing import Any

STEP, CLIP = "bench/micro/test_step.py::test_step[tiny]", "bench/micro/test_clip.py::test_clip[tiny]"


def document(medians: dict[str, float], minute: int = 0, **changes: Any) -> dict[str, Any]:
    """One file, of a launch that ended so many minutes past twelve; `changes` replace parts of it."""
    benchmarks = [
        {
            "fullname": name,
            "name": name.split("::")[-1],
            "extra_info": {"fingerprint": "0123"},
            "stats": {"median": seconds},
        }
        for name, seconds in medians.items()
    ]
    machine = {"node": "host", "cpu": {"brand_raw": "A CPU", "count": 2}}
    whole = {
        "machine_info": machine,
        "benchmarks": benchmarks,
        "datetime": f"2026-01-02T12:{minute:02}:00.123456",
        "version": "5.1.0",
    }
    return whole | changes


def write(path: Path, plain: Any) -> Path:
    path.write_text(json.dumps(plain), encoding="utf-8")
    return path
