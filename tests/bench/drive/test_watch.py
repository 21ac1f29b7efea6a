"""CPU time of others is a disturbance; ours and our children's is none."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.drive.watch import CpuWatch, warned

BURN = "import time; end = time.process_time() + 0.1\nwhile time.process_time() < end: pass"


def stat(root: Path, user: int, idle: int, iowait: int = 0, steal: int = 0, elsewhere: int | None = None) -> None:
    """/proc/stat; with `elsewhere`, that of a host on which a CPU that we may not use was busy for so long, and ours as
    the rest says.
    """
    own = f"{user} 0 0 {idle} {iowait} 0 0 {steal} 0 0"
    (root / "proc").mkdir(exist_ok=True)
    lines = [f"cpu  {own}"]
    if elsewhere is not None:
        first, *others = sorted(os.sched_getaffinity(0))
        lines = [f"cpu  {user + elsewhere} 0 0 {idle} {iowait} 0 0 {steal} 0 0", f"cpu{first} {own}"]
        lines += [f"cpu{cpu} 0 0 0 0 0 0 0 0 0 0" for cpu in others]
        lines.append(f"cpu{max(first, *others) + 1} {elsewhere} 0 0 0 0 0 0 0 0 0")
    (root / "proc/stat").write_text("\n".join(lines) + "\nintr 0\n")


def test_time_that_was_not_ours_is_others(tmp_path: Path) -> None:
    """100 ticks in all, 40 of them busy (user 30, stolen 10), next to none ours: 40%."""
    stat(tmp_path, user=1000, idle=5000)
    watch = CpuWatch(tmp_path)
    stat(tmp_path, user=1030, idle=5050, iowait=10, steal=10)
    assert watch.others() == pytest.approx(0.4, abs=0.05)


def test_cpus_that_we_may_not_use_do_not_count(tmp_path: Path) -> None:
    """100 ticks in all, 20 of them at work and 10 stolen."""
    stat(tmp_path, user=1000, idle=5000, elsewhere=0)
    watch = CpuWatch(tmp_path)
    stat(tmp_path, user=1020, idle=5070, steal=10, elsewhere=9000)
    assert watch.others() == pytest.approx(0.3, abs=0.05)
    assert watch.stolen() == pytest.approx(0.1)


def test_where_cpus_have_other_numbers_all_that_are_shown_are_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by lxcfs, which counts CPUs 1 and 2 of the host from 0 on. 100 of 200 ticks are others', all on the first."""
    monkeypatch.setattr("bench.drive.watch.affinity", lambda: (1, 2))
    (tmp_path / "proc").mkdir()

    def told(busy: int, idle: int) -> None:
        lines = [f"cpu  {busy} 0 0 {idle} 0 0 0 0", f"cpu0 {busy} 0 0 0 0 0 0 0", f"cpu1 0 0 0 {idle} 0 0 0 0"]
        (tmp_path / "proc/stat").write_text("\n".join(lines))

    told(0, 0)
    watch = CpuWatch(tmp_path)
    told(100, 100)
    assert watch.others() == pytest.approx(0.5, abs=0.05)


def test_our_ended_children_are_no_others(tmp_path: Path) -> None:
    """The machine was busy for 0.1 s = 0.1 × ticks, and a child of ours used just that."""
    stat(tmp_path, user=0, idle=0)
    watch = CpuWatch(tmp_path)
    subprocess.run([sys.executable, "-c", BURN], check=True)
    busy = os.sysconf("SC_CLK_TCK") // 10
    stat(tmp_path, user=busy, idle=busy)
    assert watch.others() == 0.0


def test_what_proc_does_not_tell_is_not_known(tmp_path: Path) -> None:
    watch = CpuWatch(tmp_path)
    assert watch.others() is watch.stolen() is None
    stat(tmp_path, user=1, idle=1)
    assert CpuWatch(tmp_path).others() is None  # no tick since


def test_the_real_machine_tells() -> None:
    watch = CpuWatch()
    time.sleep(0.1)
    others = watch.others()
    if others is None:
        pytest.skip("/proc/stat tells nothing here")
    assert others <= 1


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.drive.watch.usable_cores", lambda: 2)


@pytest.mark.usefixtures("two_cores")
def test_only_much_of_it_is_worth_a_line() -> None:
    assert warned((), {}, {"notebook launch 1": 0.48, "notebook launch 2": 0.01}) == (
        "notebook launch 1: other processes used 0.96 of 2 CPUs, which disturbs its speed",
    )
    assert warned((), {}, {"launch 1": 0.48, "launch 2": 0.02, "launch 3": 0.31, "launch 4": None}) == (
        "2 of 4 launches: other processes used up to 0.96 of 2 CPUs, which disturbs its speed",
    )
    assert warned((), {}, {"notebook launch 1": 0.05, "notebook launch 2": None}) == warned((), {}, {}) == ()
    assert "launch 1: other processes used 0.12 of" in warned((), {}, {"launch 1": 0.06})[0]


@pytest.mark.usefixtures("two_cores")
def test_a_line_takes_the_place_of_that_of_fewer_launches() -> None:
    before, now = {"launch 1": 0.48}, {"launch 1": 0.48, "launch 2": 0.31}
    first = warned(("load",), {}, before)
    both = warned((*first, "a repeat"), before, now)
    assert [line.partition(":")[0] for line in both] == ["load", "a repeat", "2 of 2 launches"]
    assert warned(first, before, {"launch 1": 0.01}) == ("load",)


def test_a_busy_cpu_is_much_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 64 CPUs three are 5%, one is 1.6%, and 0.7% are 0.45: other processes always take some."""
    monkeypatch.setattr("bench.drive.watch.usable_cores", lambda: 64)
    assert warned((), {}, {"launch 1": 1 / 64}) == (
        "launch 1: other processes used 1.00 of 64 CPUs, which disturbs its speed",
    )
    assert warned((), {}, {"launch 1": 0.007}) == ()
