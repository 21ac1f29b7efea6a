"""The catalogue: every fault by its name."""

from . import (
    busy_work,
    cell,
    clipping,
    corruption,
    embedding,
    evaluation,
    hang,
    hidden,
    loss,
    native,
    now_and_then,
    optimizer,
    output,
    own,
    races,
    saturation,
    settings,
    shapes,
    state,
    text,
    tiny_entries,
    workloads,
)
from .fault import Fault, nothing
from .sized import sized_by_name

NO_FAULT = Fault("none", "nothing is wrong: the hook is in place, and nothing may be caught", nothing)

# Not in the catalogue: their numbers are right.
RIGHT = {
    fault.name: fault
    for fault in (
        NO_FAULT,
        busy_work.FAULT,
        busy_work.BESIDES,
        hang.FAULT,
        *workloads.RIGHT,
        workloads.UNCOMPILED,
        workloads.LEAK,
        *settings.SETTINGS,
    )
}
FAMILIES = (
    optimizer,
    clipping,
    cell,
    state,
    embedding,
    output,
    loss,
    shapes,
    evaluation,
    text,
    now_and_then,
    saturation,
    corruption,
    tiny_entries,
    races,
    hidden,
    native,
)
FAULTS: dict[str, Fault] = {fault.name: fault for family in FAMILIES for fault in family.FAULTS}
OF_WORKLOADS: dict[str, Fault] = {fault.name: fault for fault in workloads.FAULTS}  # that training doesn't show
OF_OWN: dict[str, Fault] = {fault.name: fault for fault in own.FAULTS}  # that examples of own models show
CATALOGUE = FAULTS | OF_WORKLOADS | OF_OWN


def fault_by_name(name: str) -> Fault:
    """Returns the fault of that name, one of RIGHT or a sized one. Raises ValueError naming the faults there are."""
    found = sized_by_name(name) or (RIGHT | CATALOGUE).get(name)
    if not found:
        raise ValueError(f"no fault is called {name!r}; there are {', '.join((NO_FAULT.name, *CATALOGUE))}")
    return found
