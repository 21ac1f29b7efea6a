"""The import hook in real processes: it patches after the import, and refuses a fault that isn't in the catalogue."""

import os
import subprocess
import sys

import pytest

from tests.faults.trial import HOOK

WATCH = (
    "import sys; from injected.after_import import AfterImport; "
    "sys.meta_path.insert(0, AfterImport('{}', lambda: print('patched')))"
)


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(HOOK), **variables}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_a_patch_comes_after_the_module_and_before_its_importer() -> None:
    """colorsys is one that Python doesn't load by itself."""
    result = python(
        f"{WATCH.format('colorsys')}; import colorsys; print(colorsys.rgb_to_hsv.__name__); import colorsys"
    )
    assert result.stdout.split() == ["patched", "rgb_to_hsv"]


def test_a_submodule_is_patched_too() -> None:
    result = python(
        f"{WATCH.format('wsgiref.util')}; from wsgiref.util import guess_scheme; print(guess_scheme.__name__)"
    )
    assert result.stdout.split() == ["patched", "guess_scheme"]


def test_other_modules_are_left_alone() -> None:
    assert python(f"{WATCH.format('colorsys')}; import wave").stdout == ""


def test_a_missing_module_is_missing_as_ever() -> None:
    result = python(f"{WATCH.format('no_such_module')}; import no_such_module")
    assert "ModuleNotFoundError: No module named 'no_such_module'" in result.stderr


def test_an_unknown_fault_ends_the_process() -> None:
    """With a warning alone, a clean environment would pass for a fault that nothing catches."""
    result = python("print('went on')", TFGATE_FAULT="no-such-fault")
    assert result.returncode == 2
    assert result.stdout == ""
    assert "no fault is called 'no-such-fault'" in result.stderr


def test_without_a_fault_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TFGATE_FAULT", raising=False)
    assert python("import sys; print('injected' in sys.modules)").stdout == "False\n"
