"""Pages without plots, for tests that read their text alone."""

import pytest
from markupsafe import Markup


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots are drawn elsewhere: drawing them takes nearly all the time of a page."""
    monkeypatch.setattr("bench.report.plots.svg", lambda chart: Markup("<svg></svg>"))
