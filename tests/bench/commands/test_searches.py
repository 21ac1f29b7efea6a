"""The reports of a search."""

from pathlib import Path

from bench.commands import bisect, blame
from bench.commands.resume import is_kept
from bench.commands.searches import stored_reports
from bench.record.files import write_text
from bench.record.survey import folder_name


def test_the_hundredth_report_is_found_as_the_others_are(tmp_path: Path) -> None:
    """And no folder of another command is taken for one."""
    for name in (folder_name(2, "2.13.1"), folder_name(100, "2.22.0"), "20261129T010203-upgrade"):
        write_text(tmp_path / name / "paired.json", "a report")
    assert set(stored_reports(tmp_path)) == {"02-2.13.1/paired.json", "100-2.22.0/paired.json"}
    (tmp_path / "02-2.13.1" / "paired.json").unlink()
    assert is_kept(tmp_path, *bisect.REPORTS)
    assert is_kept(tmp_path, *blame.REPORTS)
