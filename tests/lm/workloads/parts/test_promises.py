"""The promises of versions about saved files."""

import pytest

from lm.workloads.parts.promises import SAVED_MODEL, Versions, promised

OLD, NEW, NEWEST = Versions("2.15.1", "2.15.0"), Versions("2.16.2", "3.15.1"), Versions("2.21.0", "3.15.1")


@pytest.mark.parametrize(
    ("form", "writer", "reader", "expected"),
    [
        (".keras", NEW, NEWEST, True),
        (".keras", NEWEST, NEW, True),  # the same Keras
        (".keras", OLD, NEW, False),  # Keras 3 reads what Keras 3 wrote
        ("checkpoint", NEW, OLD, False),
        (".weights.h5", Versions("2.12.1", "2.12.0"), OLD, True),
        (".weights.h5", OLD, Versions("2.12.1", "2.12.0"), False),  # newer than the reader
        (".weights.h5", Versions("2.16.2", "3.15.1"), Versions("2.16.2", "3.15.0rc1"), True),  # but for a patch
        (SAVED_MODEL, OLD, NEW, True),
        (SAVED_MODEL, NEW, OLD, False),
        (SAVED_MODEL, OLD, Versions("3.0.0", "3.15.1"), False),
    ],
)
def test_older_files_of_the_same_major_version_are_promised(
    form: str, writer: Versions, reader: Versions, expected: bool
) -> None:
    assert promised(form, writer, reader) is expected
