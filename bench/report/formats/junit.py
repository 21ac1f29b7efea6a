"""Judged runs as JUnit XML: a suite for each run, a test case for each comparison, as CI services read it.

CI services show a skipped test as harmless. So what the verdict turns on never is one: a REGRESSION is a failure, a
launch that did not finish is an error, and so is an INCONCLUSIVE comparison unless another one is a REGRESSION, at
which the run stopped. A suite is without failures and errors exactly where `tfgate check` exits with 0. Skipped are
what that stop left open and what is not gated and was not judged.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from bench.judge.reports import paired_runs
from bench.judge.types import Comparison
from bench.record.gate import GateRun
from bench.record.micro import Micro
from bench.report import values
from bench.report.headlines import NOTHING_JUDGED, compared_with, scope_text
from bench.report.judged import Judged, launches, names, records
from bench.report.lines import one_line
from bench.report.sentences import sentence, why
from bench.stats.outcome import Outcome

FILE = "junit.xml"
COUNTS = {
    "tests": "testcase",
    "failures": "testcase/failure",
    "errors": "testcase/error",
    "skipped": "testcase/skipped",
}
TAGS = {Outcome.REGRESSION: "failure", Outcome.INCONCLUSIVE: "error"}


def render(judged: Sequence[Judged]) -> str:
    """Returns the XML document. Its text is of one_line: XML 1.0 has no place for control characters."""
    root = ET.Element("testsuites", name="tfgate")
    root.extend(map(_suite, judged))
    for count in COUNTS:
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(judged: Judged) -> ET.Element:
    verdict, called = judged.verdict, names(judged)
    name = one_line(f"{called.candidate} compared with {compared_with(verdict, called)}{scope_text(verdict)}")
    suite = ET.Element("testsuite", name=name, timestamp=one_line(judged.run.created))
    if not isinstance(judged.run, Micro):  # its report doesn't tell how long it took
        suite.set("time", f"{_seconds(judged):.3f}")
    stopped = verdict.outcome is Outcome.REGRESSION
    suite.extend(_case(each, stopped=stopped) for each in verdict.comparisons)
    suite.extend(_unfinished(judged))
    if verdict.warnings:
        ET.SubElement(suite, "system-out").text = "\n".join(map(sentence, verdict.warnings))
    for count, tag in COUNTS.items():
        suite.set(count, str(len(suite.findall(tag))))
    return suite


def _case(comparison: Comparison, *, stopped: bool) -> ET.Element:
    """Returns a comparison's case; a run that `stopped` at a REGRESSION left the INCONCLUSIVE open."""
    subject, metric = one_line(comparison.subject), one_line(comparison.metric.name)
    candidate, reference = values.sides(comparison)
    reason = why(comparison)
    case = ET.Element("testcase", classname=subject, name=metric)
    message = f"{metric} of {subject}: {reason}"
    left_open = comparison.outcome is Outcome.INCONCLUSIVE and stopped
    if left_open or (comparison.outcome is Outcome.NOT_GATED and not comparison.interval):
        ET.SubElement(case, "skipped", message=message)
    elif tag := TAGS.get(comparison.outcome):
        ET.SubElement(case, tag, type=comparison.outcome.value, message=message).text = reason
    ET.SubElement(case, "system-out").text = one_line(f"candidate {candidate}, reference {reference}: {reason}")
    return case


def _unfinished(judged: Judged) -> list[ET.Element]:
    """Returns cases for what no comparison stands for: launches that failed, and a verdict that nothing supports.

    They are of what was run, as comparisons are: of cases with one name GitLab shows the first alone.
    """
    verdict = judged.verdict
    where = one_line(", ".join(dict.fromkeys(record.subject.name for record in records(judged.run)))) or "tfgate"
    if verdict.outcome is Outcome.INCONCLUSIVE and not verdict.decisive:
        return [_error(verdict.outcome, where, "verdict", NOTHING_JUDGED)]
    return [
        _error(Outcome.FAILED, where, f"failure {number}", sentence(failure))
        for number, failure in enumerate(verdict.failures, 1)
    ]


def _error(outcome: Outcome, where: str, name: str, message: str) -> ET.Element:
    case = ET.Element("testcase", classname=where, name=name)
    ET.SubElement(case, "error", type=outcome.value, message=message).text = message
    return case


def _seconds(judged: Judged) -> float:
    """Returns the seconds of everything that was measured: a gate's phases, or all launches of both sides."""
    if isinstance(judged.run, GateRun):
        return math.fsum(judged.run.phase_seconds.values())
    seconds = []
    for record in (launch.record for launch in launches(judged.run)):
        seconds += [*record.step_seconds, *([record.startup.seconds] if record.startup else [])]
        seconds += [record.evaluation.seconds] if record.evaluation else []
    seconds += [run.lockstep.wall_seconds for run in paired_runs(judged.run) if run.lockstep]
    return math.fsum(seconds)
