"""The table of docs/baselines.md is what the committed replicates say today."""

import math
import statistics
from pathlib import Path

import pytest

from bench.judge.margins import read_margins
from bench.judge.perplexity import EnvironmentKey, replica_groups
from bench.record.files import read_record
from bench.record.types import Baseline
from tests.docs.markdown import ROOT

FOLDER = ROOT / "baselines"
NEWEST = "2.21.0"


def row(path: Path) -> str:
    """Returns a baseline's row of the table."""
    baseline = read_record(Baseline, path)
    subject = baseline.subject
    groups = replica_groups(baseline, read_margins(FOLDER / "margins.toml").window_start[subject.config])
    trainings = [value for group in groups.values() for value in group]
    alike = groups[EnvironmentKey(NEWEST, onednn=True, threads=2)]
    means = sorted((math.exp(statistics.fmean(group)), told(key)) for key, group in groups.items())
    cells = [
        f"{subject.config}, {'PTB' if subject.corpus == 'ptb' else subject.corpus}",
        str(len(trainings)),
        f"{statistics.stdev(trainings):.2%}",
        f"{statistics.stdev(alike):.2%} ({len(alike)})",
        *(f"{mean:.1f} ({environment})" for mean, environment in (means[0], means[-1])),
    ]
    return f"| {' | '.join(cells)} |"


def told(key: EnvironmentKey) -> str:
    return f"{key.tensorflow}{'' if key.onednn else ', oneDNN off'}{', one thread' if key.threads == 1 else ''}"


@pytest.mark.parametrize("corpus", ["synthetic", "ptb"])
@pytest.mark.parametrize("config", ["notebook", "small", "tiny"])
def test_the_table_is_of_the_committed_replicates(config: str, corpus: str) -> None:
    page = (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8")
    assert row(FOLDER / f"{config}-{corpus}-cells-cpu0.json") in page.splitlines()
