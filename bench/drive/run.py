"""A run: the launches of several configurations, one after another or side by side, handed on as they come in."""

import contextlib
import dataclasses
import functools
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Protocol

from bench.drive.launch import Launch, measure_launch
from bench.drive.patience import Deadlines, Patience
from bench.drive.plan import Plan
from bench.drive.process import kill_workers
from bench.drive.watch import CpuWatch, warned
from bench.machine import cores_at_once, now
from bench.record.paired import CANDIDATE, Side
from bench.record.repeats import comes_again
from bench.record.types import SCHEMA, Record, Run

JITTER_BASE = 1000  # candidates' jitter starts here, baselines' replicas count from 1: they are never the same training
KILL_SECONDS = 0.02  # from one look for workers that threads have started meanwhile to the next

RUN_FILE = "run.json"


class Listener(Protocol):
    """Hears how a run goes on. Launches side by side call it from threads, one at a time."""

    def step(self, plan: Plan, launch: Launch, steps: int) -> None:
        """Hears that `steps` of the launch are done."""

    def record(self, record: Record, over: int) -> None:
        """Hears that a launch was tried, and how many are over: one that failed may come again."""


class _SoFar:
    """The records and warnings of a run so far. Threads add to them, one at a time."""

    def __init__(
        self, empty: Run, plans: Sequence[Plan], total: int, keep: Callable[[Run], None], listener: Listener
    ) -> None:
        self._empty, self._total, self._keep, self._listener = empty, total, keep, listener
        self._records: dict[tuple[int, int], list[Record]] = {}  # by the plan's position and the launch's number
        positions = {(plan.workload_name, plan.config): position for position, plan in enumerate(plans)}
        for record in empty.records:
            position = positions[record.subject.workload, record.subject.config]
            self._records.setdefault((position, record.launch), []).append(record)
        self._lock = threading.Lock()
        self.stopped = False
        keep(self._interrupted())

    def run(self, incomplete: str = "") -> Run:
        records = [record for place in sorted(self._records) for record in self._records[place]]
        shares = (
            {f"{one.subject.name} launch {one.launch + 1}": one.others_cpu for one in of}
            for of in (self._empty.records, records)
        )
        warnings = warned(self._empty.warnings, *shares)
        return dataclasses.replace(self._empty, records=tuple(records), warnings=warnings, incomplete=incomplete)

    def add(self, position: int, record: Record) -> None:
        with self._lock:
            if not self.stopped:  # else its worker was killed
                self._records.setdefault((position, record.launch), []).append(record)
                self._keep(self._interrupted())
                self._listener.record(record, self._over())

    def begun(self, position: int, launch: int) -> list[Record]:
        """Returns the records of a launch, which has been taken if the last of them isn't to come again."""
        with self._lock:
            return list(self._records.get((position, launch), ()))

    def _over(self) -> int:
        return sum(not _comes_again(of) for of in self._records.values())

    def _interrupted(self) -> Run:
        over = self._over()
        after = f"after {over} of {self._total} launches" if over else "before its first launch was over"
        return self.run(f"the run was interrupted {after}")

    def step(self, plan: Plan, launch: Launch, steps: int) -> None:
        with self._lock:
            self._listener.step(plan, launch, steps)

    def stop(self) -> None:
        with self._lock:
            self.stopped = True


def _comes_again(records: Sequence[Record]) -> bool:
    """Returns whether a launch, of which these are the records so far, is run once more."""
    return comes_again(len(records), [records[-1].failure])


@dataclasses.dataclass(frozen=True)
class RunRequest:
    """A run that is asked for: every plan with that many launches (Plan.launches) of one side."""

    plans: Sequence[Plan]
    launches: int
    side: Side
    command: Sequence[str]
    jitter: int = JITTER_BASE  # launch n starts from weights jittered by stream `jitter` + n
    warnings: Sequence[str] = ()
    side_by_side: int = 1  # launches at once, at most one for each core
    room: float = math.inf  # launches at once that there is memory for
    begun: Run | None = None  # what an interrupted command has measured of it


def measure_run(
    request: RunRequest, keep: Callable[[Run], None], listener: Listener, patience: Mapping[str, Patience] | None = None
) -> Run:
    """Measures what is asked for; `keep` gets what there is before the first launch, after each and at the end.

    Launch 0 of a plan is the one checked against the oracle. A launch that fails is run once more, and ends its plan if
    it fails again. What was begun is not measured again. A timed launch during which others used the CPU makes a
    warning. With several launches at once, launch 0 of each plan comes first; later launches get one thread unless
    their plan names a number, and launch 1 of the first plan that trains more than once is checked against the oracle,
    too. `patience` has noted a reference's times, by the plan's name. Raises what `keep` raises, and WorkerError
    where a user's own file was changed; no process is left then, nor after Ctrl-C.
    """
    created = now()
    plans = request.plans
    places = [
        (position, number) for position, plan in enumerate(plans) for number in range(plan.launches(request.launches))
    ]
    side_by_side = min(request.side_by_side, len(places))
    empty = request.begun or Run(SCHEMA, created, tuple(request.command), (), tuple(request.warnings))
    so_far = _SoFar(empty, plans, len(places), keep, listener)
    # One thread does the work of all cores, or these are shared by as many launches at most.
    scale = cores_at_once() if side_by_side > 1 else 1
    ended: set[int] = set()
    trained = next((place[0] for place in places if place[1] == 1 and not plans[place[0]].answers), None)

    def take(position: int, number: int) -> None:
        plan = plans[position]
        deadlines = Deadlines((patience or {}).get(plan.name, Patience()), CANDIDATE, scale)
        on_one_thread = (position, number) == (trained, 1) and side_by_side > 1
        launch = Launch(number, request.jitter + number, numerics=number == 0 or on_one_thread)
        if number and side_by_side > 1:
            plan = dataclasses.replace(plan, threads=plan.threads or 1)
        while not (begun := so_far.begun(position, number)) or _comes_again(begun):
            if so_far.stopped or (position in ended and not begun):
                return
            watch = CpuWatch()
            on_step = functools.partial(so_far.step, plan, launch)
            record = measure_launch(plan, launch, request.side, on_step, deadlines)
            so_far.add(position, dataclasses.replace(record, others_cpu=watch.others() if plan.speed else None))
        if begun[-1].failure:
            ended.add(position)  # the launches to come would fail alike

    if side_by_side > 1:
        places.sort(key=lambda place: place[1] > 0)
    _in_threads(take, places, max(1, int(min(side_by_side, request.room))), so_far.stop)
    run = so_far.run()
    keep(run)
    return run


def _in_threads(
    take: Callable[[int, int], None], places: Sequence[tuple[int, int]], at_once: int, stop: Callable[[], None]
) -> None:
    """Takes all launches.

    An error, or Ctrl-C, ends them: what lives is killed, and the threads that drive it are waited for.
    """
    with ThreadPoolExecutor(at_once) as pool:
        futures: list[Future[None]] = []
        try:
            futures.extend(pool.submit(take, *place) for place in places)
            for future in as_completed(futures):
                future.result()
        except BaseException:
            over = False
            while not over:
                with contextlib.suppress(KeyboardInterrupt):  # another one: what lives is being killed already
                    pool.shutdown(wait=False, cancel_futures=True)
                    stop()
                    kill_workers()
                    time.sleep(KILL_SECONDS)
                    over = all(future.done() for future in futures)
            raise
