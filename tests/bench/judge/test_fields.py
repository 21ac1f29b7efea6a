"""The properties that two things do not have in common."""

from bench.judge.fields import Field, unlike


def test_unlike_properties_are_told_with_both_values() -> None:
    one, other = {"steps": 10, "device": "cpu:0"}, {"device": "cpu:0", "steps": 20, "isa": "x86_64"}
    assert unlike(one, one) == ()
    assert unlike(one, other) == (Field("steps", "10", "20"), Field("isa", "", "x86_64"))
