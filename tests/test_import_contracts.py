"""The import contracts of ARCHITECTURE.md: who may import whom, what may import which library, and what start-up leaves
alone.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent

# The libraries that each part may import directly, beside the standard library, lm and bench. The contracts in
# pyproject.toml say what is forbidden; this table says that nothing else is allowed.
LIBRARIES = {
    "lm": {"keras", "numpy", "tensorflow"},
    "bench.record": set(),
    "bench.measure": {"numpy"},
    "bench.micro": {"numpy", "pytest", "pytest_benchmark"},
    "bench.drive": {"distributed", "packaging", "uv"},
    "bench.stats": {"numpy", "ruptures", "scipy"},
    "bench.judge": {"numpy"},
    "bench.profile": set(),
    "bench.report": {"jinja2", "markupsafe", "matplotlib", "tabulate"},
    "bench.commands": {"rich", "tabulate"},
    "bench.machine": set(),
    "bench.cli": set(),
    "bench.__main__": set(),
}

# One forbidden import for each contract: the file that gains it, the line, and the contract that must break.
FORBIDDEN = [
    ("bench/judge/added.py", "import bench.report", "data goes one way"),
    ("bench/drive/added.py", "import bench.judge", "data goes one way"),
    ("bench/stats/added.py", "import bench.record", "data goes one way"),
    ("bench/stats/added.py", "import bench.judge", "data goes one way"),
    ("bench/drive/added.py", "import bench.measure", "data goes one way"),
    ("bench/added.py", "", "data goes one way"),
    ("lm/config.py", "import bench.record", "does not know its judge"),
    ("bench/record/added.py", "import lm.config", "do not know the system under test"),
    ("bench/micro/added.py", "import bench.measure", "data goes one way"),
    ("bench/judge/added.py", "def late():\n    import tensorflow", "needs no TensorFlow"),
    ("bench/commands/added.py", "import lm.training.trainer", "needs no TensorFlow"),
    ("bench/drive/added.py", "import lm.config", "do not know the system under test"),
    ("bench/report/added.py", "import lm.config", "do not know the system under test"),
    ("bench/report/added.py", "import bench.drive", "report does not drive"),
    ("bench/drive/added.py", "import bench.stats.sequential", "computes no statistics"),
    ("bench/report/formats/added.py", "import bench.report.formats.html", "no other format"),
    ("bench/profile/added.py", "import bench.report", "data goes one way"),
    ("bench/profile/added.py", "import lm.config", "do not know the system under test"),
    ("bench/commands/added.py", "import experiments.noise", "knows the experiments"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def copy_packages(target: Path) -> None:
    for name in ("lm", "bench", "experiments"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)


def append(path: Path, line: str) -> None:
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")


def test_no_contract_is_broken() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_forbidden_import_breaks_its_contract(tmp_path: Path) -> None:
    """In a copy that has them all."""
    copy_packages(tmp_path)
    for file, line, _ in FORBIDDEN:
        append(tmp_path / file, line)
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    parts = re.split(r"^(.+)\n-+$", result.stdout.partition("Broken contracts\n")[2], flags=re.MULTILINE)
    broken = dict(zip(parts[1::2], parts[2::2], strict=True))
    for file, line, contract in FORBIDDEN:
        (said,) = (text for title, text in broken.items() if contract in title)
        importer = file.removesuffix(".py").replace("/", ".")
        found = f"{importer} -> {line.rpartition('import ')[2]} (l." if line else f"- {importer}\n"
        assert found in said, (file, line, contract)


def foreign_imports(graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
    """Yield (importing module, library) for direct imports from outside that LIBRARIES does not allow."""
    for module in sorted(graph.modules):
        part = next((part for part in LIBRARIES if f"{module}.".startswith(f"{part}.")), None)
        if part is None:
            continue
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            library = imported.split(".")[0]
            if library not in {"lm", "bench"} | LIBRARIES[part] | sys.stdlib_module_names:
                yield module, library


def test_each_part_imports_its_own_libraries_only() -> None:
    graph = grimp.build_graph("lm", "bench", include_external_packages=True, cache_dir=None)
    assert list(foreign_imports(graph)) == []


def test_library_out_of_place_is_found() -> None:
    graph = grimp.ImportGraph()
    for library in ("json", "numpy", "requests"):
        graph.add_module(library, is_squashed=True)
        graph.add_import(importer="bench.judge.verdict", imported=library)
    graph.add_import(importer="bench.record.run", imported="numpy")
    assert list(foreign_imports(graph)) == [("bench.judge.verdict", "requests"), ("bench.record.run", "numpy")]


def loaded(code: str, folder: Path) -> set[str]:
    """Returns which of TensorFlow and Keras a fresh Python imports; stand-ins in `folder` make that possible
    anywhere.
    """
    for name in ("tensorflow", "keras"):
        (folder / f"{name}.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-X", "importtime", "-c", code]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines} & {"tensorflow", "keras"}


def test_start_up_leaves_tensorflow_alone(tmp_path: Path) -> None:
    help_of_bench = "import runpy, sys; sys.argv[1:] = ['--help']; runpy.run_module('bench', run_name='__main__')"
    assert loaded(f"import lm.config; {help_of_bench}", tmp_path) == set()


def test_start_up_that_loads_tensorflow_is_found(tmp_path: Path) -> None:
    assert loaded("import tensorflow; import json, keras", tmp_path) == {"tensorflow", "keras"}
