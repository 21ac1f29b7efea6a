"""Texts of CI services, as the schemas that check-jsonschema brings judge them."""

from collections.abc import Sequence
from pathlib import Path

import pytest


def accepted(texts: Sequence[str], folder: Path, schema: str, *options: str) -> bool:
    """Tells whether a schema has nothing against texts, each a file of its own: the checker reads no second one."""
    checker = pytest.importorskip("check_jsonschema")
    paths = [folder / f"{number}.yml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        checker.main(["--builtin-schema", schema, *options, *map(str, paths)])
    return ended.value.code == 0


def gitlab_accepts(texts: Sequence[str], folder: Path) -> bool:
    """Tells whether GitLab's schema has nothing against texts."""
    return accepted(texts, folder, "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
