"""Disturbances of a measurement, read from made-up /proc and /sys."""

import os
from pathlib import Path

import pytest

from bench.drive import doctor
from bench.drive.doctor import Finding, disturbances, examine, python_finding


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "usable_cores", lambda: 4)
    monkeypatch.setattr(doctor, "affinity", lambda: (0, 1, 2, 3))
    monkeypatch.setattr(doctor, "SAMPLE_SECONDS", 0.0)


def finding(root: Path, name: str) -> Finding:
    return {found.name: found for found in examine(root)}[name]


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_where_linux_tells_nothing_nothing_disturbs(tmp_path: Path) -> None:
    findings = examine(tmp_path)
    assert [(found.name, found.found) for found in findings] == [
        ("load", "not known"),
        ("steal time", "not known"),
        ("CPU quota", "not known"),
        ("frequency governor", "not known, as on most virtual machines"),
        ("swap", "not known"),
    ]
    assert disturbances(findings) == ()


@pytest.mark.parametrize(
    ("busy", "stolen", "own", "found", "disturbance"),
    [
        (0, 0, 0.0, "0.0 processes", ""),
        (125, 0, 0.0, "0.5 processes", ""),  # an eighth of 4 cores
        (150, 0, 0.0, "0.6 processes", "background load of 0.6 processes: stop them, or expect wider intervals"),
        (800, 0, 0.0, "3.2 processes", "background load of 3.2 processes: stop them, or expect wider intervals"),
        (100, 300, 0.0, "0.4 processes", ""),  # what the hypervisor took is no process'
        (800, 0, 7.0, "0.4 processes", ""),  # 700 of the 800 ticks were ours
    ],
)
def test_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: int, stolen: int, own: float, found: str, disturbance: str
) -> None:
    """1,000 ticks of a hundredth of a second pass on four cores, `busy` of them at work."""
    put(tmp_path, "proc/stat", "cpu  500 0 300 9000 40 5 5 70 0 0\n")
    seconds = iter((7.0, 7.0 + own))
    monkeypatch.setattr("bench.drive.watch._own_seconds", lambda: next(seconds))
    monkeypatch.setattr("os.sysconf", {"SC_CLK_TCK": 100}.__getitem__)
    after = f"cpu  {500 + busy} 0 300 {10000 - busy - stolen} 40 5 5 {70 + stolen} 0 0\n"
    monkeypatch.setattr("time.sleep", lambda seconds: put(tmp_path, "proc/stat", after))
    assert finding(tmp_path, "load") == Finding("load", found, disturbance)


def test_the_load_average_says_nothing(tmp_path: Path) -> None:
    """It tells of our own processes that have ended."""
    put(tmp_path, "proc/loadavg", "12.34 9.99 9.99 1/234 5678\n")
    assert finding(tmp_path, "load") == Finding("load", "not known")


@pytest.mark.parametrize(
    ("stolen", "found", "disturbance"),
    [
        (0, "0.0%", ""),
        (10, "1.0%", ""),  # 10 of 1,000 ticks
        (11, "1.1%", "1.1% of the CPU goes to other machines on this host"),
        (250, "25.0%", "25.0% of the CPU goes to other machines on this host"),
    ],
)
def test_steal_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stolen: int, found: str, disturbance: str) -> None:
    """1,000 ticks pass between the two readings; guest time, which user time holds already, must not count again."""
    put(tmp_path, "proc/stat", "cpu  500 0 300 9000 40 5 5 70 400 0\ncpu0 500 0 300 9000 40 5 5 70 400 0\n")
    after = f"cpu  600 0 300 {9900 - stolen} 40 5 5 {70 + stolen} 500 0\n"
    monkeypatch.setattr("time.sleep", lambda seconds: put(tmp_path, "proc/stat", after))
    assert finding(tmp_path, "steal time") == Finding("steal time", found, disturbance)


@pytest.mark.parametrize(
    ("quota", "found", "disturbance"),
    [
        ("", "not known", ""),  # as where control groups are of version 1
        ("max 100000\n", "none", ""),
        ("400000 100000\n", "4.00 cores", ""),
        (
            "150000 100000\n",
            "1.50 cores",
            "CPU quota of 1.50 of 4 cores: give whole cores instead, or expect outlier steps",
        ),
    ],
)
def test_quota_of_a_container(tmp_path: Path, quota: str, found: str, disturbance: str) -> None:
    put(tmp_path, "sys/fs/cgroup/cpu.max", quota)
    assert finding(tmp_path, "CPU quota") == Finding("CPU quota", found, disturbance)


@pytest.mark.parametrize("holder", ["user.slice/job.scope", "user.slice"])
def test_quota_of_a_group_around_this_process(tmp_path: Path, holder: str) -> None:
    """The narrowest counts, wherever it is set."""
    put(tmp_path, "proc/self/cgroup", "1:cpu:/old\n0::/user.slice/job.scope\n")
    for group in ("user.slice/job.scope", "user.slice", "other.slice"):
        put(
            tmp_path, f"sys/fs/cgroup/{group}/cpu.max", "300000 100000\n" if group != "other.slice" else "1000 100000\n"
        )
    put(tmp_path, f"sys/fs/cgroup/{holder}/cpu.max", "50000 100000\n")
    assert finding(tmp_path, "CPU quota").found == "0.50 cores"


@pytest.mark.parametrize(
    ("governor", "disturbs"),
    [
        ("performance", False),
        ("userspace", False),
        ("schedutil", True),
        ("powersave", True),
        ("ondemand", True),
        ("conservative", True),
    ],
)
def test_governor(tmp_path: Path, governor: str, disturbs: bool) -> None:
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", f"{governor}\n")
    wanted = f"frequency governor {governor}: the clock follows the load; set it to performance" if disturbs else ""
    assert finding(tmp_path, "frequency governor") == Finding("frequency governor", governor, wanted)


def test_the_governors_of_all_cpus_are_looked_at_and_of_no_others(tmp_path: Path) -> None:
    for cpu, governor in enumerate(("performance", "performance", "schedutil", "", "powersave")):
        put(tmp_path, f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", f"{governor}\n")
    disturbance = "frequency governor schedutil: the clock follows the load; set it to performance"
    wanted = Finding("frequency governor", "performance, schedutil", disturbance)
    assert finding(tmp_path, "frequency governor") == wanted


@pytest.mark.parametrize(
    ("free", "found", "disturbance"),
    [
        (2048000, "0 MiB used", ""),
        (2047000, "0 MiB used", ""),
        (1024000, "1000 MiB used", "1000 MiB are swapped out: free memory, or expect outlier steps"),
    ],
)
def test_swap(tmp_path: Path, free: int, found: str, disturbance: str) -> None:
    put(
        tmp_path,
        "proc/meminfo",
        f"MemTotal:       24680000 kB\nSwapTotal:       2048000 kB\nSwapFree:        {free} kB\n",
    )
    assert finding(tmp_path, "swap") == Finding("swap", found, disturbance)


def test_disturbances_are_a_line_each(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", "SwapTotal:       2048000 kB\nSwapFree:        1024000 kB\n")
    put(tmp_path, "sys/fs/cgroup/cpu.max", "100000 100000\n")
    assert disturbances(examine(tmp_path)) == (
        "CPU quota of 1.00 of 4 cores: give whole cores instead, or expect outlier steps",
        "1000 MiB are swapped out: free memory, or expect outlier steps",
    )


@pytest.mark.parametrize(
    ("version", "disturbance"),
    [
        ("3.11.7", ""),
        ("3.11.0rc1", ""),
        ("3.1.1", "Python is 3.1 and the reference's is 3.11: this may explain a difference"),
        ("3.12.3", "Python is 3.12 and the reference's is 3.11: this may explain a difference"),
    ],
)
def test_a_python_of_another_minor_version_is_told(version: str, disturbance: str) -> None:
    assert python_finding(version) == Finding("Python", version, disturbance)


def test_a_file_that_is_no_text_is_not_known(tmp_path: Path) -> None:
    put(tmp_path, "proc/stat", "")
    (tmp_path / "proc/stat").write_bytes(os.urandom(4) + b"\xff")
    assert finding(tmp_path, "load").found == "not known"
