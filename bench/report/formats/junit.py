"""Judged runs as JUnit XML: a suite for each run, a test case for each comparison, as CI services read it.

CI services show a skipped test as harmless. So what the verdict turns on never is one: a REGRESSION is a failure, a CANNOT JUDGE and a
launch that did not finish are errors, and a suite is without failures and errors exactly where `tfgate check` exits with 0. Only a
comparison that merely informs for want of a reference is skipped.

A case's time is what was measured for it, in seconds: of the parts of start-up, of evaluation and of lockstep their own, of everything
else the training steps, which are the same for all of them; a suite's is the sum of the parts, each once.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from bench.judge.reports import paired_runs
from bench.judge.types import Comparison, Verdict
from bench.report import story
from bench.report.judged import Judged, measured
from bench.report.lines import one_line
from bench.stats.outcome import Outcome

PARTS = ("import", "build", "trace", "first step", "evaluation step", "lockstep")  # metrics with seconds of their own
TRAINING = "training"
COUNTS = {
    "tests": "testcase",
    "failures": "testcase/failure",
    "errors": "testcase/error",
    "skipped": "testcase/skipped",
}


def junit(judged: Sequence[Judged]) -> str:
    """The XML document. Its text is of one_line: XML 1.0 has no place for control characters, not even escaped."""
    root = ET.Element("testsuites", name="tfgate")
    for each in judged:
        root.append(_suite(each))
    for count in COUNTS:
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(judged: Judged) -> ET.Element:
    name = one_line(" against ".join(story.names(judged)) + story.scope(judged.verdict))
    suite = ET.Element("testsuite", name=name, timestamp=one_line(judged.run.created))
    for comparison in judged.verdict.comparisons:
        suite.append(_case(comparison, _seconds(judged, comparison.subject)))
    suite.extend(_unfinished(judged.verdict))
    if judged.verdict.warnings:
        ET.SubElement(suite, "system-out").text = "\n".join(map(one_line, judged.verdict.warnings))
    for count, tag in COUNTS.items():
        suite.set(count, str(len(suite.findall(tag))))
    subjects = dict.fromkeys(comparison.subject for comparison in judged.verdict.comparisons)
    suite.set("time", f"{sum(sum(_seconds(judged, subject).values()) for subject in subjects):.3f}")
    return suite


def _case(comparison: Comparison, seconds: dict[str, float]) -> ET.Element:
    part = comparison.metric if comparison.metric in PARTS else TRAINING
    case = ET.Element(
        "testcase",
        classname=one_line(comparison.subject),
        name=one_line(comparison.metric),
        time=f"{seconds[part]:.3f}",
    )
    found = story.finding(comparison)
    message = one_line(f"{comparison.metric} of {comparison.subject}: {comparison.note}")
    if comparison.outcome is Outcome.REGRESSION:
        body = (found.size, found.certainty, found.standard, comparison.note)
        ET.SubElement(case, "failure", type="REGRESSION", message=message).text = one_line(
            "; ".join(filter(None, body))
        )
    elif comparison.outcome is Outcome.CANNOT_JUDGE:
        ET.SubElement(case, "error", type="CANNOT JUDGE", message=message).text = one_line(comparison.note)
    elif comparison.outcome is Outcome.INFORMS and comparison.interval is None:
        ET.SubElement(case, "skipped", message=message)
    against = f", reference {comparison.reference}" if comparison.reference != "–" else ""
    ET.SubElement(case, "system-out").text = one_line(f"candidate {comparison.candidate}{against}: {comparison.note}")
    return case


def _unfinished(verdict: Verdict) -> list[ET.Element]:
    """Cases for what no comparison stands for: launches that failed, and a verdict that nothing supports."""
    cases = [
        _error("MEASUREMENT FAILED", f"launch {number}", failure) for number, failure in enumerate(verdict.failures, 1)
    ]
    decided = any(comparison.outcome is verdict.outcome for comparison in verdict.comparisons)
    if verdict.outcome is Outcome.CANNOT_JUDGE and not decided and not cases:
        cases.append(_error("CANNOT JUDGE", "verdict", "nothing was measured that could be judged"))
    return cases


def _error(kind: str, name: str, message: str) -> ET.Element:
    case = ET.Element("testcase", classname="tfgate", name=name, time="0")
    ET.SubElement(case, "error", type=kind, message=one_line(message)).text = one_line(message)
    return case


def _seconds(judged: Judged, subject: str) -> dict[str, float]:
    """What was measured for a subject, part by part, of all launches and both sides."""
    seconds = dict.fromkeys((*PARTS, TRAINING), 0.0)
    for record in (launch.record for launch in measured(judged.run)):
        if record.subject.name == subject:
            startup, evaluation = record.startup, record.evaluation
            if startup:
                parts = (
                    startup.import_seconds,
                    startup.build_seconds,
                    startup.trace_seconds,
                    startup.first_step_seconds,
                )
                for part, taken in zip(PARTS, parts, strict=False):
                    seconds[part] += taken
            seconds["evaluation step"] += evaluation.seconds if evaluation else 0.0
            seconds[TRAINING] += sum(record.step_seconds)
    locksteps = [run.lockstep for run in paired_runs(judged.run) if run.lockstep]
    seconds["lockstep"] += sum(lockstep.wall_seconds for lockstep in locksteps if lockstep.subject.name == subject)
    return seconds
