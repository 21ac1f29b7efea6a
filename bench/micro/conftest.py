"""Options, parameters and fixtures of the cases.

Collecting the cases imports TensorFlow. This module doesn't: it says in one line what is missing.
"""

import argparse
import functools
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.machine import PreloadError, require_preloaded, this_machine, usable_cores
from bench.micro.selection import Selection, selection
from bench.record.variables import kept
from lm.config import CONFIGS, DEVICE, IMPLEMENTATIONS, MODES, ConfigError
from lm.workloads.registry import workload

if TYPE_CHECKING:
    from bench.micro.case import Case
    from lm.config import Mode
    from lm.training.trainer import Trainer

NEEDED = ("tensorflow", "pytest_benchmark")
CHOICES = ("config", "implementation", "device", "mode", "workload")  # options, each of which may be repeated
CHOSEN = pytest.StashKey[Selection]()
VARIABLES = kept(os.environ)  # before packages that Keras imports set some


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options that choose the cases."""
    group = parser.getgroup("tfgate")
    repeated = functools.partial(group.addoption, action="append", metavar="NAME")
    repeated("--config", choices=tuple(CONFIGS), help="configuration; may be repeated (default: notebook)")
    repeated(
        "--implementation", choices=IMPLEMENTATIONS, help="implementation of the model; may be repeated (default: all)"
    )
    repeated(
        "--device",
        type=_device,
        help="cpu:0, or gpu:0; cpu:1 is a logical device made for it; may be repeated (default: cpu:0)",
    )
    repeated("--mode", choices=MODES, help="eager or graph; may be repeated (default: both)")
    repeated("--workload", help="whose unit test_unit.py times; may be repeated (default: none)")
    group.addoption(
        "--variable",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="given variable, to be kept; may be repeated",
    )
    group.addoption(
        "--require-gpu",
        action="store_true",
        help="fail where a GPU is missing, which is a skip otherwise; takes gpu:0 if no --device is one",
    )


def _device(text: str) -> str:
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device's name, such as cpu:0 or gpu:0")
    return text


def pytest_configure(config: pytest.Config) -> None:
    """Refuses what can't be run in one line, before anything is collected."""
    try:
        require_preloaded()
    except PreloadError as error:
        raise pytest.UsageError(str(error)) from None
    for module in NEEDED:
        if not importlib.util.find_spec(module):
            raise pytest.UsageError(
                f"this Python has no {module}: bench/micro needs tensorflow, pytest and pytest-benchmark; of `tfgate "
                "micro`, name another Python, or a version, by --to"
            )
    asked = {f"{name}s": config.getoption(f"--{name}") for name in CHOICES}
    chosen = config.stash[CHOSEN] = selection(**asked, require_gpu=config.getoption("--require-gpu"))
    try:
        for name in chosen.workloads:
            workload(name)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None
    if config.getoption("--require-gpu") and not config.getoption("collectonly"):
        _require_gpu(chosen)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves units out where no workload is named."""
    return True if collection_path.name == "test_unit.py" and not config.getoption("--workload") else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes a case of every combination that a test knows of."""
    chosen = metafunc.config.stash[CHOSEN]
    for name, values in (
        ("config_name", chosen.configs),
        ("implementation", chosen.implementations),
        ("device", chosen.devices),
        ("mode", chosen.modes),
    ):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values, scope="session", indirect=name == "device")
    if "unit" in metafunc.fixturenames:
        ids = [f"{Path(name).name}-{config}" for name, config in chosen.units]
        metafunc.parametrize("unit", chosen.units, ids=ids, scope="session")


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Adds the fingerprint by which tfgate knows a machine."""
    machine_info["fingerprint"] = this_machine().fingerprint()


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """Returns a device that is there; skips a case on a GPU that isn't."""
    from lm.runtime import DeviceError, require_device, turn_off_tensor_float_32

    _make_logical_cpus(request.config.stash[CHOSEN].logical_cpus)
    name: str = request.param
    try:
        require_device(name)
    except DeviceError as error:
        pytest.skip(str(error))
    turn_off_tensor_float_32(name)  # a case is checked against the oracle
    return name


@pytest.fixture
def case(request: pytest.FixtureRequest, benchmark: Any, config_name: str, device: str, mode: "Mode") -> "Case":
    """Makes the case at hand, in a group with those that do the same."""
    from bench.micro.case import Case
    from bench.micro.material import material

    implementation = request.node.callspec.params.get("implementation", "")
    about = _about(request, benchmark, config_name, device) | {"implementation": implementation, "mode": mode}
    return Case(benchmark, material(config_name), device, mode, about)


@pytest.fixture
def about(request: pytest.FixtureRequest, benchmark: Any, unit: tuple[str, str], device: str) -> dict[str, Any]:
    """Returns what extra_info says of a unit's session."""
    name, config = unit
    return _about(request, benchmark, config, device) | {"workload": Path(name).name, "implementation": "", "mode": ""}


def _about(request: pytest.FixtureRequest, benchmark: Any, config_name: str, device: str) -> dict[str, Any]:
    from lm.runtime import intra_op_threads, onednn_enabled, versions

    target = request.node.originalname.removeprefix("test_")
    benchmark.group = f"{config_name} {target} on {device}"
    given = dict(one.partition("=")[::2] for one in request.config.getoption("--variable"))
    return {
        "target": target,
        "config": config_name,
        "device": device,
        "threads": intra_op_threads() or usable_cores(),
        "onednn": onednn_enabled(),
        "variables": given | VARIABLES,
        "first": request.config.stash[CHOSEN].first,
        **versions(),
        "matmul_flops_per_second": _matmul_rate(device),
    }


@pytest.fixture
def trainer(config_name: str, implementation: str, device: str) -> "Trainer":
    """Returns the model under test with the initial weights; one for all targets."""
    return _trainer(config_name, implementation, device)


@functools.cache
def _trainer(config_name: str, implementation: str, device: str) -> "Trainer":
    from bench.micro.material import material
    from lm.training.trainer import Trainer

    made = material(config_name)
    trainer = Trainer(made.config, implementation, device)
    trainer.weights = made.weights
    return trainer


@functools.cache
def _matmul_rate(device: str) -> float:
    """Returns the device's rate of matrix products, measured once a session."""
    from lm.hot_paths.roofline import matmul_flops_per_second

    return matmul_flops_per_second(device)


@functools.cache
def _make_logical_cpus(count: int) -> None:
    """Makes logical CPU devices: once a session, before TensorFlow's first operation."""
    from lm.runtime import set_logical_cpus

    set_logical_cpus(count)


def _require_gpu(chosen: Selection) -> None:
    from lm.runtime import DeviceError, require_device

    _make_logical_cpus(chosen.logical_cpus)
    try:
        require_device(*chosen.gpus)
    except DeviceError as error:
        pytest.exit(f"--require-gpu: {error}", returncode=pytest.ExitCode.TESTS_FAILED)
