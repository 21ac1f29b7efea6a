"""Gates where the answer is known: the committed runs, and the table that docs/gate.md quotes."""

import dataclasses
from pathlib import Path

import pytest

from experiments.gates import CASES, PROTOCOL, Ran, Store, main, read_store, right, table, verdict_of
from tests.builders.records import MACHINE

ROOT = Path(__file__).resolve().parents[2]


def ran(case: str, outcome: str, named: tuple[str, ...] = (), seconds: float = 60.0) -> Ran:
    return Ran(case, "2026-01-02T03:04:05+00:00", MACHINE, outcome, named, seconds, {"numbers": 30.0}, 4)


def test_the_document_has_the_table() -> None:
    assert table(read_store()) in (ROOT / "docs" / "gate.md").read_text(encoding="utf-8"), (
        "python -m experiments.gates table prints it"
    )


def test_no_run_says_the_opposite_of_what_is_known() -> None:
    for run in read_store().runs:
        assert right(CASES[run.case], run) or run.outcome == "INCONCLUSIVE", run


@pytest.mark.parametrize(
    ("case", "outcome", "named", "expected"),
    [
        ("same", "PASS", (), True),
        ("same", "REGRESSION", ("step time",), False),
        ("same", "INCONCLUSIVE", ("step time",), False),
        ("slower", "REGRESSION", ("step time", "mean step"), True),
        ("slower", "REGRESSION", ("memory growth",), False),
        ("slower", "PASS", (), False),
    ],
)
def test_a_slower_step_must_be_named(case: str, outcome: str, named: tuple[str, ...], expected: bool) -> None:
    assert right(CASES[case], ran(case, outcome, named)) is expected


def test_a_command_without_a_verdict_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^upgrade --to nowhere ended with 2 and no verdict$"):
        verdict_of(["upgrade", "--to", "nowhere"], tmp_path)


def test_the_table_counts_runs_and_tells_times() -> None:
    today = dataclasses.replace(ran("same", "PASS"), created=PROTOCOL)
    runs = (today, ran("same", "PASS", seconds=120.0), ran("same", "INCONCLUSIVE", ("step time",), 180.0))
    row = next(line for line in table(Store(2, runs)).splitlines() if "nothing changed" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:6] == ["3", "1", "2", "0", "1"]
    assert cells[6].startswith("2 of 3 (≥ 13%)")  # Clopper-Pearson: 3p²(1 − p) + p³ = 0.05 at p = 0.135
    assert cells[7:] == ["4 (4)", "2.0 min (3.0)"]


def test_runs_of_an_earlier_protocol_leave_the_others_to_be_measured() -> None:
    store = Store(2, (ran("same-earlier", "PASS"), ran("build", "PASS")))
    assert store.of("same") == []
    rows = [line for line in table(store).splitlines() if line.startswith("| `gate`")]
    assert ["earlier protocol" in row for row in rows] == [True, False]
    assert "Phases of the first row, median (most): numbers 30 s (30)." in table(store)


def test_hosts_are_named_once() -> None:
    other = dataclasses.replace(ran("micro", "PASS"), machine=dataclasses.replace(MACHINE, cpu_model="Another"))
    said = table(Store(2, (ran("same", "PASS"), ran("same", "PASS"), other)))
    assert said.endswith("Hosts: A CPU, 2 cores, x86_64 avx2; Another, 2 cores, x86_64 avx2.")


def test_a_table_of_no_runs_is_empty() -> None:
    assert table(Store(2, ())).endswith("\n\nHosts: .")


def test_a_case_must_be_named_to_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["measure"])
    assert "error: name a case: same, same-earlier, build, " in capsys.readouterr().err
