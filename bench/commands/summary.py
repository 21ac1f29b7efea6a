"""`--summary`: the verdict as Markdown, appended to the file that a CI job shows as its summary."""

import os
import sys
from pathlib import Path

from bench.report.formats.markdown import render
from bench.report.judged import Judged

VARIABLE = "GITHUB_STEP_SUMMARY"


def append_summary(*judged: Judged) -> None:
    """Appends to the file that GITHUB_STEP_SUMMARY names; warns where it names none. Raises OSError."""
    name = os.environ.get(VARIABLE)
    if not name:
        print(f"no summary is written: {VARIABLE}, by which a CI service names the file, isn't set", file=sys.stderr)
        return
    with Path(name).open("a", encoding="utf-8") as file:  # other steps of the job write to it, too
        file.write(render(judged))
