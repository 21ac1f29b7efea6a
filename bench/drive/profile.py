"""A profile: a fresh TensorFlow process, in which a target is timed, recorded and dumped."""

import datetime
from pathlib import Path

from bench.drive.launch import describe, open_model
from bench.drive.plan import Plan
from bench.drive.process import Worker
from bench.record.files import write_record, write_text
from bench.record.paired import Side
from bench.record.profile import Dump, Profile, Profiled
from bench.record.types import SCHEMA

PROFILE_SECONDS = (
    1200.0  # deadline of recording and dumping, without a sign of life: TensorFlow takes minutes for long traces
)
PROFILE_FILE = "profile.json"
GRAPH_FILE, NODES_FILE, HLO_FILE = "graph.pbtxt", "graph.txt", "hlo.txt"
RAW_FOLDER = "tensorflow"  # what TensorFlow itself wrote, for TensorBoard


def run_profile(
    plan: Plan, target: str, side: Side, folder: Path, *, detailed: bool = False, command: tuple[str, ...] = ()
) -> Profile:
    """Profiles `plan.steps` of a target, and keeps profile, dumps and raw trace in `folder`.

    `target` is one of bench.record.profile.TARGETS. `detailed` records operations that TensorFlow calls inexpensive,
    too, at a higher cost. Raises WorkerError, OSError (FileExistsError for a folder in use).
    """
    if (folder / PROFILE_FILE).exists():
        raise FileExistsError(f"{folder / PROFILE_FILE} exists already and is not overwritten: choose another place")
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    raw = folder.resolve() / RAW_FOLDER
    with Worker(side.interpreter, "tensorflow", plan.device, plan.environment(side.variables)) as worker:
        description = describe(worker, plan)
        opened = open_model(worker, plan)
        asked = {"target": target, "steps": plan.steps, "folder": str(raw), "detailed": detailed}
        profiled = worker.request(Profiled, "profile", PROFILE_SECONDS, None, **asked)
    made = Profile(
        schema=SCHEMA,
        created=created,
        command=command,
        subject=opened.subject,
        target=target,
        detailed=detailed,
        environment=description.environment,
        machine=description.machine,
        trace=profiled.trace,
        plain_seconds=profiled.plain_seconds,
        profiled_seconds=profiled.profiled_seconds,
        traces=profiled.traces,
        hlo_problem=profiled.dump.hlo_problem,
        matmul_flops_per_second=profiled.matmul_flops_per_second,
    )
    _keep_dump(folder, profiled.dump)
    write_record(folder / PROFILE_FILE, made, seal=True)
    return made


def _keep_dump(folder: Path, dump: Dump) -> None:
    for name, text in ((GRAPH_FILE, dump.graph), (NODES_FILE, dump.nodes), (HLO_FILE, dump.hlo)):
        if text:
            write_text(folder / name, text)
