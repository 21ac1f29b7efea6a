"""Documents that experiments fill, and keep otherwise as they are."""

from pathlib import Path

import pytest

from experiments.markdown import fill, filled

PAGE = "# A page\n\n<!-- a -->\nold\n<!-- end -->\n\nKept.\n\n<!-- b -->\nold\n<!-- end -->\n"


def test_what_stands_between_marks_is_replaced() -> None:
    found = filled(PAGE, {"b": "2", "a": "1"})
    assert found == ("# A page\n\n<!-- a -->\n\n1\n\n<!-- end -->\n\nKept.\n\n<!-- b -->\n\n2\n\n<!-- end -->\n")
    assert filled(found, {"a": "1"}) == found


@pytest.mark.parametrize("document", ["", "<!-- a -->\n", PAGE + PAGE])
def test_a_document_has_one_place_for_each_name(document: str) -> None:
    with pytest.raises(ValueError, match="must have one <!-- a -->"):
        filled(document, {"a": "1"})


def test_a_document_that_is_not_there_holds_what_is_filled_in(tmp_path: Path) -> None:
    fill(tmp_path / "page.md", {"a": "1"})
    assert (tmp_path / "page.md").read_text() == "<!-- a -->\n\n1\n\n<!-- end -->\n"
