"""The verdict as variables, NAME=VALUE a line: the outputs of a GitHub step, and GitLab's dotenv reports."""

from collections.abc import Sequence

from bench.judge.metrics import STEP_TIME
from bench.judge.types import Verdict
from bench.report import values
from bench.report.judged import Judged, worst

FILE = "verdict.env"


def render(judged: Sequence[Judged]) -> str:
    """Returns the worst verdict, and the largest change of the step time on all cores ("" where none was measured)."""
    verdicts = [each.verdict for each in judged]
    found = {"TFGATE_VERDICT": worst(verdicts).outcome.value, "TFGATE_SLOWDOWN": _slowdown(verdicts)}
    return "".join(f"{name}={value.replace(' ', '_')}\n" for name, value in found.items())  # a shell may read the file


def _slowdown(verdicts: Sequence[Verdict]) -> str:
    intervals = [one.interval for verdict in verdicts for one in verdict.comparisons if one.metric.name == STEP_TIME]
    found = [interval.estimate for interval in intervals if interval]
    return values.percent(max(found)) if found else ""
