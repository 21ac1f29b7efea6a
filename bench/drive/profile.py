"""A profile: a fresh TensorFlow process, in which a target is timed, recorded and dumped."""

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path

from bench.drive.launch import describe, open_model
from bench.drive.plan import Plan
from bench.drive.process import Worker
from bench.record.files import write_record, write_text
from bench.record.profile import Profile, Profiled
from bench.record.types import SCHEMA

PROFILE_SECONDS = (
    1200.0  # deadline of recording and dumping, without a sign of life: TensorFlow takes minutes for long traces
)
PROFILE_FILE = "profile.json"
GRAPH_FILE, NODES_FILE, HLO_FILE = "graph.pbtxt", "graph.txt", "hlo.txt"
RAW_FOLDER = "tensorflow"  # what TensorFlow itself wrote, for TensorBoard


@dataclasses.dataclass(frozen=True)
class Aim:
    """What is profiled of a plan's model; `plan.steps` of it, with the profiler and without."""

    target: str  # one of bench.record.profile.TARGETS
    detailed: bool = False  # record operations that TensorFlow calls inexpensive, too, at a higher cost


def run_profile(
    plan: Plan, aim: Aim, python: str, variables: Mapping[str, str], folder: Path, command: tuple[str, ...] = ()
) -> Profile:
    """Profiles, and keeps profile, dumps and raw trace in `folder`.

    Raises WorkerError, OSError (FileExistsError for a folder in use).
    """
    if (folder / PROFILE_FILE).exists():
        raise FileExistsError(f"{folder / PROFILE_FILE} exists already and is not overwritten: choose another place")
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    raw = folder.resolve() / RAW_FOLDER
    with Worker(python, "tensorflow", plan.device, variables) as worker:
        description = describe(worker, plan)
        opened = open_model(worker, plan)
        profiled = worker.request(
            Profiled,
            "profile",
            PROFILE_SECONDS,
            target=aim.target,
            steps=plan.steps,
            folder=str(raw),
            detailed=aim.detailed,
        )
    made = Profile(
        schema=SCHEMA,
        created=created,
        command=command,
        subject=opened.subject,
        target=aim.target,
        detailed=aim.detailed,
        environment=description.environment,
        machine=description.machine,
        trace=profiled.trace,
        plain_seconds=profiled.plain_seconds,
        profiled_seconds=profiled.profiled_seconds,
        traces=profiled.traces,
        hlo_problem=profiled.dump.hlo_problem,
        matmul_flops_per_second=profiled.matmul_flops_per_second,
    )
    for name, text in (
        (GRAPH_FILE, profiled.dump.graph),
        (NODES_FILE, profiled.dump.nodes),
        (HLO_FILE, profiled.dump.hlo),
    ):
        if text:
            write_text(folder / name, text)
    write_record(folder / PROFILE_FILE, made)
    return made
