"""Profiles of real processes: everything that is kept, and busy work in one operation that the difference table puts
first.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.drive.profile import (
    GRAPH_FILE,
    HLO_FILE,
    NODES_FILE,
    ONEDNN_FILE,
    PROFILE_FILE,
    RAW_FOLDER,
    run_profile,
    told_by_onednn,
)
from bench.profile.compare import compare
from bench.profile.table import accounted
from bench.profile.timeline import timeline
from bench.record.files import read_record
from bench.record.paired import Side
from bench.record.profile import Profile
from bench.record.types import OWN_CODE
from tests.builders.fake_interpreter import Fake
from tests.faults.trial import fault_variables

PLAN = Plan("tiny", 12)
MISSING = Side("none", "no-interpreter", {})


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["oldest_python", "newest_python"])
def test_busy_work_in_one_operation_comes_first(
    request: pytest.FixtureRequest, tmp_path: Path, environment: str
) -> None:
    python = str(request.getfixturevalue(environment))
    clean = run_profile(PLAN, "forward", Side(python, python, {}), tmp_path / "clean")
    slow = run_profile(PLAN, "forward", Side(python, python, fault_variables("slow-bias-add")), tmp_path / "slow")
    found = compare(clean, slow)
    assert (found.by_kind[0].name, found.by_layer[0].name) == ("BiasAdd", "output")
    assert found.by_kind[0].candidate_calls > 100 * found.by_kind[0].reference_calls
    assert accounted(slow, timeline(slow.trace)) == pytest.approx(1, abs=0.05)
    assert read_record(Profile, tmp_path / "clean" / PROFILE_FILE) == clean
    for name in (GRAPH_FILE, NODES_FILE, HLO_FILE, ONEDNN_FILE):
        assert (tmp_path / "clean" / name).stat().st_size > 1000
    assert sorted((tmp_path / "clean" / RAW_FOLDER).rglob("*.xplane.pb"))


def test_a_folder_that_holds_a_profile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / PROFILE_FILE).write_text(json.dumps({}))
    with pytest.raises(FileExistsError, match="exists already and is not overwritten"):
        run_profile(PLAN, "step", MISSING, tmp_path)


CALLS = """
os.write(1, b"onednn_verbose,info,oneDNN v2\\nonednn_verbose,exec,cpu,warm\\n")

class Session(Session):
    def call(self, target):
        told = os.environ["ONEDNN_VERBOSE"] + os.environ["TF_CPP_MIN_LOG_LEVEL"] + os.environ["MINE"]
        os.write(1, f"tfgate: one call\\nonednn_verbose,exec,cpu,{target}{told}\\nanything else\\n".encode())
"""


def test_what_onednn_says_of_one_call_is_kept_and_of_the_others_not(fake_session: Fake) -> None:
    side = Side("fake", fake_session(CALLS), {"MINE": "x"})
    assert told_by_onednn(PLAN, "clip", side) == "onednn_verbose,info,oneDNN v2\nonednn_verbose,exec,cpu,clip10x\n"
    of_the_workload = dataclasses.replace(PLAN, variables=(("MINE", "y"),))
    assert told_by_onednn(of_the_workload, "clip", side).endswith("clip10y\n")
    assert told_by_onednn(dataclasses.replace(PLAN, device="gpu:0"), "clip", side) == ""


PROFILES = """
from bench.record import profile as made

class Session(Session):
    def profile(self, target, steps, folder):
        trace = made.Trace((), (), ((0, 1),), ())
        dump = made.Dump("a graph", "", "", "none")
        return made.Profiled(trace, (1.0,), (2.0,), made.Traces(1, (), ()), dump, 3.0)
"""
CALL_CRASHES = """
class Session(Session):
    def call(self, target):
        os._exit(3)
"""


def test_a_profile_holds_what_its_process_measured(fake_session: Fake, tmp_path: Path) -> None:
    side = Side("fake", fake_session(CALLS + PROFILES), {"MINE": "x"})
    found = run_profile(PLAN, "clip", side, tmp_path)
    assert (found.plain_seconds, found.profiled_seconds, found.matmul_flops_per_second) == ((1.0,), (2.0,), 3.0)


@pytest.mark.parametrize("name", [GRAPH_FILE, HLO_FILE])
def test_a_file_of_the_user_s_by_a_dump_s_name_is_left_alone(tmp_path: Path, name: str) -> None:
    """`graph.pbtxt` is TensorFlow's usual name, too."""
    (tmp_path / name).write_text("another")
    with pytest.raises(FileExistsError, match=f"{name} exists already and is not overwritten"):
        run_profile(PLAN, "clip", MISSING, tmp_path)
    assert (tmp_path / name).read_text() == "another"


def test_a_file_of_the_user_s_own_that_was_changed_is_not_profiled(fake_session: Fake, tmp_path: Path) -> None:
    """As the environments were built, or before oneDNN was asked."""
    own = tmp_path / "mine.py"
    own.write_text("def workload(): pass")
    known = hashlib.sha256(own.read_bytes()).hexdigest()[:16]
    plan = Plan("own", 12, "", None, "", workload=str(own), answers=True, fingerprint=known)
    edits = f"        open({str(own)!r}, 'w').write('def workload(): return 3')\n"
    edited = PROFILES.replace("        trace =", f"{edits}        trace =")
    run_profile(plan, "step", Side("fake", fake_session(CALLS + edited), {"MINE": "x"}), tmp_path / "one")
    said = "mine.py was changed while it was measured: measure anew"
    assert (tmp_path / "one" / ONEDNN_FILE).read_text() == f"oneDNN could not be asked: {said}\n"
    with pytest.raises(WorkerError, match=said) as caught:
        run_profile(plan, "step", Side("fake", fake_session(PROFILES), {}), tmp_path / "other")
    assert caught.value.failure.kind == OWN_CODE
    assert not (tmp_path / "other").exists()


def test_a_profile_is_kept_where_onednn_can_not_be_asked(fake_session: Fake, tmp_path: Path) -> None:
    found = run_profile(PLAN, "clip", Side("fake", fake_session(PROFILES + CALL_CRASHES), {}), tmp_path)
    assert read_record(Profile, tmp_path / PROFILE_FILE) == found
    said = (tmp_path / ONEDNN_FILE).read_text()
    assert said == "oneDNN could not be asked: the worker exited with code 3 during call\n"
