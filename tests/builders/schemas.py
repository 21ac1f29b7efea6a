"""Texts of CI services, as the schemas that check-jsonschema brings judge them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def accepted(texts: Sequence[str], folder: Path, schema: str, *options: str) -> bool:
    """Tells whether a schema has nothing against texts, each a file of its own: the checker reads no second one."""
    pytest.importorskip("check_jsonschema")
    paths = [folder / f"{number}.yml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *options, *map(str, paths)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
