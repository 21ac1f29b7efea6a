"""The file of a survey: which comparisons it plans, where they lie, and what makes no survey."""

import re

import pytest

from bench.record.codec import FormatError
from bench.record.survey import PLAN, Survey, require_sound
from tests.builders.surveys import survey


def test_each_release_is_compared_with_the_one_before_and_the_fixed_one() -> None:
    asked = survey(("a", "b", "c"))
    assert asked.planned() == [("a", "b"), ("b", "c"), ("a", "c")]  # a and b: both in one
    assert survey(("a", "b", "c"), "b").planned() == [("a", "b"), ("b", "c"), ("b", "a")]
    assert survey(("a", "b"), "x").planned() == [("a", "b"), ("x", "a"), ("x", "b")]


def test_every_comparison_has_a_folder_of_its_own_that_leads_nowhere_else() -> None:
    odd = ("2.12.1", "../../etc/passwd", "..-..-etc-passwd", "tensorflow==2.13 keras>=3", "/a" * 200 + "/python")
    asked = survey(odd, "reference")
    folders = [asked.folder(*pair) for pair in asked.planned()]
    assert len(set(folders)) == len(folders)
    assert asked.folder("reference", "2.12.1") == "01-2.12.1-from-00-reference"
    assert all(re.fullmatch(r"\d\d-[A-Za-z0-9.-]*-from-\d\d-[A-Za-z0-9.-]*", folder) for folder in folders)
    assert all(PLAN.fullmatch(folder) and len(folder) < 200 for folder in folders)
    several = survey(("a", "b"), plans=("tiny", "predict-tiny"))
    assert several.plan_folder("a", "b", "predict-tiny") == "02-b-from-01-a/predict-tiny"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (survey(("a",)), "a survey has two or more, and each of them once"),
        (survey(("a", "b", "a")), "a survey has two or more, and each of them once"),
        (survey(("a", "b"), plans=()), "plans"),
        (survey(("a", "b"), plans=("tiny", "tiny")), "plans"),
        (survey(("a", "b"), plans=("../../tiny",)), "can't name a folder"),
        (survey(("a", "b"), plans=("..",)), "can't name a folder"),
        (survey(("a", "b"), left_out={"c": "no wheel"}), "'c' is none of the releases"),
    ],
)
def test_what_is_no_survey_is_refused_by_name(wrong: Survey, said: str) -> None:
    with pytest.raises(FormatError, match=re.escape(said)):
        require_sound(wrong)


def test_a_sound_one_is_not() -> None:
    require_sound(survey(left_out={"2.13.1": "no wheel"}))
