"""Environments between two sides, by a real uv from wheels of a few lines."""

import dataclasses
import sys
from pathlib import Path

import pytest

from bench.drive.environments import prepare
from bench.drive.lockfile import tensorflow_of
from bench.drive.mixed import NEVER, Differing, differing, mixed, mixture
from bench.drive.requests import RequestError, read_as_of
from bench.record.paired import Package, Side
from tests.builders.wheels import write_wheel


def side(requested: str, **versions: str) -> Side:
    packages = {name.replace("_", "-"): version for name, version in versions.items()}
    return Side(requested, "/a", {}, packages=tuple(Package(*item) for item in packages.items()))


OLD = side("2.15.1", keras="2.15.0", numpy="1.26.4", tensorflow_cpu="2.15.1", tensorflow_estimator="2.15.0")
NEW = side("2.16.1", keras="3.15.1", numpy="1.26.4", optree="0.20.0", tensorflow_cpu="2.16.1")
NIGHTLY = side(
    "tf-nightly-cpu", keras_nightly="3.16.0.dev2", numpy="1.26.4", optree="0.20.0", tf_nightly_cpu="2.22.0.dev1"
)


class TestWhatIsAsked:
    """Requirements and versions, without uv."""

    def test_packages_that_both_have_in_two_versions_differ(self) -> None:
        assert differing(OLD, NEW) == [
            Differing("tensorflow-cpu", "2.15.1", "2.16.1"),
            Differing("keras", "2.15.0", "3.15.1"),
        ]

    @pytest.mark.parametrize(("old", "new", "differ"), [("a", "b", True), ("a", "ab", False), ("", "b", False)])
    def test_two_builds_of_a_version_differ(self, old: str, new: str, differ: bool) -> None:
        """They have no file in common. An index may have gained some; of some packages none is known."""
        sides = [
            Side(
                "2.22.0",
                "/a",
                {},
                packages=(Package("keras", "3", ("k",)), Package("tensorflow", "2.22.0", tuple(one))),
            )
            for one in (old, new)
        ]
        assert differing(*sides) == ([Differing("tensorflow", "2.22.0", "2.22.0")] if differ else [])

    def test_packages_of_another_name_are_in_each_others_place(self) -> None:
        """A nightly, or a candidate, has Keras by another name than a release."""
        assert differing(NEW, NIGHTLY) == [
            Differing("tensorflow-cpu", "2.16.1", "tf-nightly-cpu 2.22.0.dev1"),
            Differing("keras", "3.15.1", "keras-nightly 3.16.0.dev2"),
        ]
        found = mixture(NEW, NIGHTLY, "keras")
        assert found.asked == ("tensorflow-cpu==2.16.1", "keras-nightly==3.16.0.dev2")
        assert {f"keras; {NEVER}", f"tf-nightly-cpu; {NEVER}"} < {*found.pins}
        found = mixture(NEW, NIGHTLY, "tensorflow-cpu")
        assert (found.asked, found.kept[0]) == (("tf-nightly-cpu==2.22.0.dev1",), "keras==3.15.1")
        assert {f"keras-nightly; {NEVER}", f"tensorflow-cpu; {NEVER}"} < {*found.pins}

    def test_one_package_is_the_candidates_and_all_others_the_references(self) -> None:
        found = mixture(OLD, NEW, "keras")
        assert found.asked == ("tensorflow-cpu==2.15.1", "keras==3.15.1")
        assert found.kept == ("numpy==1.26.4", "tensorflow-estimator==2.15.0")
        assert set(found.pins) == {*found.asked, *found.kept, "optree==0.20.0"}

    def test_tensorflow_itself_takes_its_own_place(self) -> None:
        assert mixture(OLD, NEW, "tensorflow-cpu").asked == ("tensorflow-cpu==2.16.1",)

    def test_two_packages_are_the_candidates(self) -> None:
        found = mixture(OLD, NEW, "tensorflow-cpu", "keras")
        assert found.asked == ("tensorflow-cpu==2.16.1", "keras==3.15.1")
        assert found.kept == ("numpy==1.26.4", "tensorflow-estimator==2.15.0")
        assert set(found.pins) == {*found.asked, *found.kept, "optree==0.20.0"}

    def test_a_file_and_extras_stay_what_they_are(self) -> None:
        new = side("tensorflow @ file:///new/tensorflow-2.99.0-py3-none-any.whl", tensorflow="2.99.0", keras="3")
        old = side("tensorflow[and-cuda]==2.98.0", tensorflow="2.98.0", keras="2")
        assert mixture(old, new, "keras").asked == ("tensorflow[and-cuda]==2.98.0", "keras==3")
        assert mixture(old, new, "tensorflow").asked == (new.requested,)

    def test_the_pinned_reference_is_all_that_it_holds(self) -> None:
        pinned = side("reference", keras="2.15.0", tensorflow_cpu="2.15.1")
        assert mixture(pinned, NEW, "keras").asked == ("keras==3.15.1", "tensorflow-cpu==2.15.1")

    def test_an_interpreter_can_t_be_mixed(self) -> None:
        with pytest.raises(RequestError, match="name a version or requirements"):
            mixture(side(sys.executable, tensorflow_cpu="2.15.1"), NEW, "tensorflow-cpu")


@pytest.mark.usefixtures("environment_cache")
def test_what_wheels_refuse_is_built_all_the_same_and_told(wheelhouse: Path) -> None:
    """2.97.0 wants a Keras before 3.2, and six, which 2.99.0 doesn't; Keras 3.3.0 wants optree, of which the newest
    isn't the candidate's.
    """
    write_wheel(wheelhouse, "tensorflow-cpu", "2.97.0", "keras<3.2", "six", module="tensorflow")
    write_wheel(wheelhouse, "six", "1.0")
    for version in ("0.1", "0.2"):
        write_wheel(wheelhouse, "optree", version)
    write_wheel(wheelhouse, "keras", "3.3.0", "optree")
    old = side("2.97.0", keras="3.1.0", six="1.0", tensorflow_cpu="2.97.0")
    old = dataclasses.replace(old, variables={"A": "1"})
    asked = "tensorflow-cpu==2.99.0 keras==3.3.0 optree==0.1"
    new = side(asked, keras="3.3.0", optree="0.1", tensorflow_cpu="2.99.0")
    options = {"python": None, "gpu": False, "say": lambda line: None}
    keras, why = mixed(old, new, "keras", **options)  # type: ignore[arg-type]  # by name
    assert {package.name: package.version for package in keras.packages} == {
        "keras": "3.3.0",
        "optree": "0.1",
        "six": "1.0",
        "tensorflow-cpu": "2.97.0",
    }
    assert (keras.variables, why) == (old.variables, "tensorflow-cpu requires keras<3.2, but 3.3.0 is installed")
    tensorflow, why = mixed(old, new, "tensorflow-cpu", **options)  # type: ignore[arg-type]  # by name
    versions = {package.name: package.version for package in tensorflow.packages}
    assert (versions, why) == ({"keras": "3.1.0", "six": "1.0", "tensorflow-cpu": "2.99.0"}, "")
    both, why = mixed(old, new, "tensorflow-cpu", "keras", **options)  # type: ignore[arg-type]  # by name
    versions = {package.name: package.version for package in both.packages}
    assert versions == {"keras": "3.3.0", "optree": "0.1", "six": "1.0", "tensorflow-cpu": "2.99.0"}
    assert why == ""


@pytest.mark.usefixtures("environment_cache")
def test_a_nightly_s_keras_takes_the_release_s_place(wheelhouse: Path) -> None:
    """Beside it, either would overwrite the other's files."""
    write_wheel(wheelhouse, "tensorflow-cpu", "2.98.0rc0", "keras-nightly", module="tensorflow")
    write_wheel(wheelhouse, "keras-nightly", "3.4.0.dev1", module="keras")
    write_wheel(wheelhouse, "tensorflow-cpu", "2.97.0", "keras", module="tensorflow")
    options = {"python": None, "gpu": False, "say": lambda line: None}
    old, new = (prepare(version, read_as_of("now")) for version in ("2.97.0", "2.98.0rc0"))
    nightly = Differing("keras", "3.2.0", "keras-nightly 3.4.0.dev1")
    assert differing(old, new) == [Differing("tensorflow-cpu", "2.97.0", "2.98.0rc0"), nightly]
    keras, why = mixed(old, new, "keras", **options)  # type: ignore[arg-type]  # by name
    versions = {package.name: package.version for package in keras.packages}
    assert versions == {"keras-nightly": "3.4.0.dev1", "tensorflow-cpu": "2.97.0"}
    assert why == "tensorflow-cpu requires keras, but it's not installed"
    tensorflow, why = mixed(old, new, "tensorflow-cpu", **options)  # type: ignore[arg-type]  # by name
    versions = {package.name: package.version for package in tensorflow.packages}
    assert versions == {"keras": "3.2.0", "tensorflow-cpu": "2.98.0rc0"}
    assert why == "tensorflow-cpu requires keras-nightly, but it's not installed"


@pytest.mark.usefixtures("environment_cache", "wheelhouse")
def test_a_wheel_that_was_built_anew_is_exchanged_alone(tmp_path: Path) -> None:
    sides = []
    for name in ("old", "new"):
        folder = tmp_path / name
        folder.mkdir()
        wheel = write_wheel(folder, "tensorflow-cpu", "2.97.0", "keras", module="tensorflow", text=f"BUILD = {name!r}")
        sides.append(prepare(str(wheel), read_as_of("now")))
    old, new = sides
    assert differing(old, new) == [Differing("tensorflow-cpu", "2.97.0", "2.97.0")]
    alone, _ = mixed(old, new, "tensorflow-cpu", python=None, gpu=False, say=lambda line: None)
    assert tensorflow_of(old.packages) != tensorflow_of(new.packages) == tensorflow_of(alone.packages)
