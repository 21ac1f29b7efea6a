"""Ends of a list of releases, by the texts that name them."""

import pytest

from bench.record.releases import End, are_listed, end


@pytest.mark.parametrize(
    ("text", "package", "version"),
    [
        ("2.20.0", "", "2.20.0"),
        ("tensorflow-cpu==2.21.0rc1", "tensorflow-cpu", "2.21.0rc1"),
        ("tensorflow[and-cuda] == 2.20.0 keras>=3", "tensorflow", "2.20.0"),
        ("tf-nightly", "tf-nightly", ""),
        ("tf-nightly==2.22.0.dev20261101", "tf-nightly", "2.22.0.dev20261101"),
        ("tensorflow keras==3.1", "tensorflow", ""),
        *((text, "", "") for text in ("tensorflow==2.20.*", "tensorflow>=2.20.0", "tensorflow==2.20.0,!=2.20.1")),
        *((text, "", "") for text in ("tensorflow @ file:///a.whl", "dist/tensorflow-2.22.0.whl", "/env/bin/python")),
        ("", "", ""),
    ],
)
def test_an_end_is_an_exact_version_of_a_package(text: str, package: str, version: str) -> None:
    assert end(text) == End(package, version)


@pytest.mark.parametrize(
    ("good", "bad", "listed"),
    [
        ("2.19.0", "2.21.0", True),
        ("tensorflow==2.19.0", "tensorflow==2.21.0", True),
        ("tensorflow==2.19.0", "tensorflow-cpu==2.21.0", False),
        ("2.19.0", "tf-nightly", True),
        ("2.19.0", "tf-nightly==2.22.0.dev20261101", True),
        ("tf-nightly==2.22.0.dev20261101", "tf-nightly", False),
        ("tensorflow", "tf-nightly", False),
        ("2.19.0", "tensorflow", False),
        ("/env/bin/python", "/env/bin/python", False),
    ],
)
def test_releases_are_listed_of_one_package_or_before_a_nightly(good: str, bad: str, listed: bool) -> None:
    assert are_listed(end(good), end(bad)) is listed
