"""Looks at what a disturbed command leaves: processes, files, and what the next command makes of them."""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.drive.folders import HELD_FILE, PREFIX, SHARED_MEMORY
from bench.record.codec import parse
from bench.record.files import SEAL

GONE_SECONDS = 10.0  # in which all processes of a command have to be gone
TOKEN = "TFGATE_ABUSE"  # an environment variable by which a command's processes are known


def words(pid: int) -> str:
    """Returns a process' command line, its words apart by NUL; "" of one that is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""


def left_processes(token: str) -> list[str]:
    """Returns the command lines of a command's processes that are still there when they should be gone."""
    deadline = time.monotonic() + GONE_SECONDS
    while True:
        left = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _has_token(pid, token)]
        if not left or time.monotonic() > deadline:
            return [words(pid).replace("\0", " ").strip()[:80] for pid in left]
        time.sleep(0.1)


def _has_token(pid: int, token: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        zombie = re.search(r"^State:\s+[ZX]", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return False
    return f"{TOKEN}={token}".encode() in environment and not zombie


def left_files(folder: Path) -> str:
    """Returns what lies there half written, or should be gone."""
    temporary = [path.name for place in (folder, folder / "out") for path in (place / "tmp").glob(f"{PREFIX}*")]
    shared = [path.name for path in SHARED_MEMORY.glob(f"{PREFIX}*") if _is_left(path)]
    if temporary or shared:
        return f"temporary folders are left: {temporary + shared}"
    for path in (folder / "out").rglob("*"):
        try:
            if path.suffix == ".json":
                parse(path.read_text(encoding="utf-8"))
            if path.suffix == ".npz":
                with np.load(path) as stored:
                    dict(stored)
        except Exception as error:  # whatever it is, the file can't be read
            return f"{path.name} is half written: {error}"
    return ""


def _is_left(folder: Path) -> bool:
    """Tells whether nobody holds a folder: others' commands have theirs in the same place."""
    try:
        with (folder / HELD_FILE).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def result(out: Path) -> dict[str, Any]:
    """Returns what a command's folder holds, as far as an interruption may not change it; nothing of a damaged file."""
    found: dict[str, Any] = {}
    for path in sorted(out.rglob("*.json")):
        with contextlib.suppress(ValueError):
            plain = parse(path.read_text(encoding="utf-8"))
            plain.pop(SEAL, None)
            found[str(path.relative_to(out))] = plain
    for path in out.glob("checkpoint.npz"):
        with contextlib.suppress(Exception), np.load(path) as stored:
            found[path.name] = {name: stored[name].tobytes() for name in stored.files if name != "meta"}
    return found


def _launches(plain: Any) -> list[str]:
    """Returns the finished launches in a report, each by what it measured."""
    runs = [plain, plain.get("numbers") or {}, *plain.get("speed", ())]
    return [repr(launch) for run in runs for part in ("pairs", "oracle", "records") for launch in run.get(part, ())]


def lost(before: Mapping[str, Any], after: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Returns what the second command lost of what the first had finished, or did otherwise than one alone."""
    for name, plain in before.items():
        if name in ("gate.json", "paired.json") and (
            missing := set(_launches(plain)) - set(_launches(after.get(name, {})))
        ):
            return f"{len(missing)} finished launches of {name} are lost"
    if "checkpoint.npz" in wanted and wanted["checkpoint.npz"] != after.get("checkpoint.npz"):
        return "the training did not end with the same bits"
    if absent := sorted(set(wanted) - set(after)):
        return f"{absent} is missing after the second command"
    return ""
