"""A profile: a fresh TensorFlow process, in which a target is timed, recorded and dumped."""

import dataclasses
import re
from pathlib import Path

from bench.drive.opening import describe, open_model, started
from bench.drive.plan import Plan
from bench.drive.process import Worker, WorkerError, changed
from bench.machine import now
from bench.record.files import write_record, write_text
from bench.record.paired import Side
from bench.record.profile import CALL_MARK, Dump, Profile, Profiled
from bench.record.replies import Opened
from bench.record.types import SCHEMA

# Deadline of recording and dumping, without a sign of life: TensorFlow takes minutes for long traces.
PROFILE_SECONDS = 1200.0
PROFILE_FILE = "profile.json"
GRAPH_FILE, NODES_FILE, HLO_FILE = "graph.pbtxt", "graph.txt", "hlo.txt"
ONEDNN_FILE = "onednn.txt"  # what oneDNN says of itself, and of one call's primitives
FILES = (PROFILE_FILE, GRAPH_FILE, NODES_FILE, HLO_FILE, ONEDNN_FILE)
LOUD = {"ONEDNN_VERBOSE": "1", "TF_CPP_MIN_LOG_LEVEL": "0"}
TOLD = re.compile(r"onednn_verbose,|To enable the following instructions:")
RAW_FOLDER = "tensorflow"  # what TensorFlow itself wrote, for TensorBoard


def run_profile(plan: Plan, target: str, side: Side, folder: Path, *, command: tuple[str, ...] = ()) -> Profile:
    """Profiles `plan.steps` of a target, and keeps profile, dumps and raw trace in `folder`.

    `target` is one of bench.record.profile.TARGETS. Raises WorkerError, OSError (FileExistsError for a folder in use).
    """
    if there := next((path for name in FILES if (path := folder / name).exists()), None):
        raise FileExistsError(f"{there} exists already and is not overwritten: choose another place")
    created = now()
    raw = folder.resolve() / RAW_FOLDER
    with started(plan, side) as worker:
        description = describe(worker, plan)
        model = _opened(worker, plan)
        profiled = worker.request(
            Profiled, "profile", seconds=PROFILE_SECONDS, target=target, steps=plan.steps, folder=str(raw)
        )
    made = Profile(
        schema=SCHEMA,
        created=created,
        command=command,
        subject=model.subject,
        target=target,
        environment=description.environment,
        machine=description.machine,
        trace=profiled.trace,
        plain_seconds=profiled.plain_seconds,
        profiled_seconds=profiled.profiled_seconds,
        traces=profiled.traces,
        hlo_problem=profiled.dump.hlo_problem,
        matmul_flops_per_second=profiled.matmul_flops_per_second,
    )
    _keep_dump(folder, profiled.dump, told_by_onednn(plan, target, side))
    write_record(folder / PROFILE_FILE, made, seal=True)
    return made


def told_by_onednn(plan: Plan, target: str, side: Side) -> str:
    """Returns what oneDNN says of a target's call, a line a primitive, and of the CPU; "" on another device.

    Printing takes time, so a process of its own is asked. If that fails, the text says why.
    """
    if not plan.device.startswith("cpu"):
        return ""
    try:
        with started(plan, dataclasses.replace(side, variables={**side.variables, **LOUD})) as worker:
            describe(worker, plan)
            _opened(worker, plan)
            worker.request(None, "call", seconds=PROFILE_SECONDS, target=target)
            before, _, call = worker.said().partition(CALL_MARK)
    except WorkerError as error:  # the profile, which is made, is whole without it
        return f"oneDNN could not be asked: {error}\n"
    told = [line for line in before.splitlines() if TOLD.match(line) and ",exec," not in line]
    return "".join(f"{line}\n" for line in [*told, *filter(TOLD.match, call.splitlines())])


def _opened(worker: Worker, plan: Plan) -> Opened:
    """Opens the plan's model. Raises WorkerError, also where a user's own file is no longer what it was when the
    command began.
    """
    opened = open_model(worker, plan)
    if plan.fingerprint not in ("", opened.subject.fingerprint):
        raise changed(plan.workload_name)
    return opened


def _keep_dump(folder: Path, dump: Dump, onednn: str) -> None:
    files = ((GRAPH_FILE, dump.graph), (NODES_FILE, dump.nodes), (HLO_FILE, dump.hlo), (ONEDNN_FILE, onednn))
    for name, text in files:
        if text:
            write_text(folder / name, text)
