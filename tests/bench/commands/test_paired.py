"""For `gate`, `upgrade` and `survey`: launches until the judge has seen enough, by the folder's ledger."""

from pathlib import Path
from typing import Any

import pytest

from bench.record.files import write_record
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.paired import ALL_CORES
from bench.record.types import SCHEMA
from tests.builders.commands import Tfgate, in_turn, noisy_side
from tests.builders.records import SUBJECT


@pytest.mark.parametrize(
    ("words", "accepted", "ends"),
    [
        (("gate",), False, True),
        (("gate",), True, False),
        (("upgrade", "--speed-only"), False, True),
        (("upgrade", "--speed-only"), True, False),
        (("survey", "--speed-only"), False, False),  # else some cells would stay undecided
    ],
)
def test_a_regression_ends_launches_unless_the_folder_s_ledger_accepts_it(
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    accepted: bool,
    ends: bool,
) -> None:
    """The step is 20% slower after four launches, when nothing has passed yet."""
    kinds = []

    def measured(*asked: Any) -> None:
        _, _, _, wanted, _ = asked
        kinds.append(wanted(in_turn(launches=4, step=0.2)))
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.commands.paired.measure_paired", measured)
    known = AcceptedRegression(SUBJECT.name, "step time", 0.5, "known", "link", "9999-12-31")
    write_record(baselines / "ledger.json", Ledger(SCHEMA, (), (known,) if accepted else ()))
    reference, candidate = (noisy_side(tmp_path / name) for name in "ab")
    options = ("--config", "notebook", "--baselines", baselines, "--output", tmp_path / "out")
    assert tfgate(*words, "--from", reference, "--to", candidate, *options).code == 4
    assert kinds == [None if ends else ALL_CORES]
