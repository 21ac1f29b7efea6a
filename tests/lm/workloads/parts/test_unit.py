"""A unit as a call."""

from typing import Any

import pytest

from lm.config import CONFIGS
from lm.workloads.protocol import Opening

pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.workloads.parts.on_device import OnDevice  # it imports TensorFlow, which may be missing
from lm.workloads.parts.unit import Unit

pytestmark = [pytest.mark.tensorflow, pytest.mark.any_version]


def test_a_unit_ends_when_its_device_has_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []

    class Work(OnDevice):
        def do(self, prepared: Any) -> float:
            found.append(prepared)
            return 0.5

    monkeypatch.setattr("lm.runtime.wait", found.append)
    work = Work(Opening(CONFIGS["tiny"]))
    work.device = "gpu:0"  # which this machine may not have
    assert Unit(work)("ids") == 0.5
    assert found == ["ids", "gpu:0"]
