"""Golden files: the only place where the tests of reports quote wording."""

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "bench" / "report" / "golden"


def golden(name: str, text: str, folder: Path = FOLDER) -> None:
    """Compares a text with a golden file, or a published schema; `TFGATE_GOLDEN=write pytest tests/bench/report` writes
    them all anew.
    """
    path, whole = folder / name, text.rstrip("\n") + "\n"
    if os.environ.get("TFGATE_GOLDEN") == "write":
        path.write_text(whole, encoding="utf-8")
    assert whole == path.read_text(encoding="utf-8"), "if it is meant: TFGATE_GOLDEN=write pytest tests/bench/report"
