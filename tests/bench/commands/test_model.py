"""The options that choose a model, and the request that is made of them."""

import argparse
import math
from pathlib import Path

import pytest

from bench.commands import model
from bench.commands.model import ModelRequest, add_model, add_workload, model_request, room_for
from bench.commands.usage import UsageError
from bench.drive.plan import Plan
from lm.workloads.registry import names
from tests.builders.commands import Tfgate


def asked(*words: str, default: str = "tiny") -> ModelRequest:
    """Returns the request that a command line makes."""
    parser = argparse.ArgumentParser()
    add_model(parser, (default,))
    add_workload(parser)
    return model_request(parser.parse_args(words), (default,))


@pytest.mark.parametrize("name", ["large-batch", "all"])
@pytest.mark.parametrize(("free", "refused"), [(7.9, True), (8.0, False)])
def test_a_workload_that_lacks_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, free: float, refused: bool, name: str
) -> None:
    monkeypatch.setattr(model, "available_gib", lambda: free)
    parser = argparse.ArgumentParser()
    add_model(parser, ("tiny",))
    add_workload(parser)
    options = parser.parse_args(["--workload", name])
    if refused:
        with pytest.raises(UsageError, match=r"workload large-batch needs 8 GiB of memory, and 7.9 GiB are free"):
            model_request(options, ("tiny",))
        options.cluster = "tcp://head:8786"  # whose hosts are asked
    assert "large-batch" in model_request(options, ("tiny",)).workloads


@pytest.mark.parametrize(
    ("workloads", "free", "room"),
    [(["train"], 7.0, 3.5), (["train", "large-batch", "masked"], 4.0, 0.5), (["train"], math.inf, math.inf)],
)
def test_what_is_not_timed_has_room_by_what_the_workload_needs_most(
    monkeypatch: pytest.MonkeyPatch, workloads: list[str], free: float, room: float
) -> None:
    monkeypatch.setattr(model, "available_gib", lambda: free)
    assert room_for([Plan("tiny", 1, workload=name) for name in workloads]) == room
    assert room_for([Plan("tiny", 1), Plan("large", 1)]) == 1  # nobody knows what that one needs


@pytest.mark.parametrize(
    ("named", "config", "expected"),
    [
        (["all"], "tiny", names()),
        (["all"], "medium", ("train",)),  # no other runs in it
        (["masked", "all"], "tiny", ("masked", *(name for name in names() if name != "masked"))),
        ([], "tiny", ("train",)),
    ],
)
def test_all_workloads_are_those_that_run_in_the_configuration(
    named: list[str], config: str, expected: tuple[str, ...]
) -> None:
    words = [word for name in named for word in ("--workload", name)]
    assert asked(*words, "--config", config, default="notebook").workloads == expected


@pytest.mark.parametrize(
    ("name", "one_launch", "variables"),
    [("train", False, ()), ("train-without-onednn", True, (("TF_ENABLE_ONEDNN_OPTS", "0"),)), ("masked", True, ())],
)
def test_a_plan_has_its_workload_s_variables_and_one_launch_where_perplexity_is_not_told(
    name: str, one_launch: bool, variables: tuple[tuple[str, str], ...]
) -> None:
    (plan,) = asked("--workload", name).plans()
    assert (plan.one_launch, plan.variables) == (one_launch, variables)


@pytest.mark.parametrize("named_by", ["--corpus-path", "PTB_ARCHIVE", "TFGATE_DATA"])
def test_a_relative_corpus_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str) -> None:
    """Workers run in folders of their own."""
    (tmp_path / "ptb").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PTB_ARCHIVE", raising=False)
    monkeypatch.setenv("TFGATE_DATA", "nowhere")
    monkeypatch.setenv(named_by, "ptb")
    monkeypatch.setattr(model, "load_corpus", lambda name, config, path: None)
    (plan,) = asked("--corpus", "ptb", *([named_by, "ptb"] if named_by.startswith("--") else ())).plans()
    assert plan.corpus_path == str(tmp_path / "ptb")


@pytest.mark.parametrize("command", ["bisect", "blame"])
def test_a_command_of_one_workload_in_one_configuration_offers_no_more(
    tfgate: Tfgate, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    lines = tfgate(command, "--help").out.splitlines()
    (config,), (named,) = ([line for line in lines if f"  {word} NAME" in line] for word in ("--config", "--workload"))
    assert "may be repeated" not in config + named


def test_a_workload_that_is_named_must_run_where_all_are_asked_for() -> None:
    with pytest.raises(UsageError, match="workload masked has no configuration medium"):
        asked("--workload", "all", "--workload", "masked", "--config", "medium")


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """Reports of both would be of one subject."""
    paths = [tmp_path / folder / "mine.py" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text("def workload(): pass")
    words = [word for path in (paths[0], *paths) for word in ("--workload", str(path))]
    assert asked(*words[:4]).workloads == (str(paths[0]),)
    with pytest.raises(UsageError, match=r"two files are called mine\.py, by which reports name them: rename one"):
        asked(*words)
