"""The parts of a change, for a terminal and for programs."""

import textwrap
from collections.abc import Sequence
from typing import Any

from bench.judge.blame import ONEDNN, THREADS, Answer, Blame, Found, Part
from bench.report.bisect import plain_bounds, plain_numbers, told
from bench.report.sentences import with_reason
from bench.report.text import WIDTH, table_text, wrapped
from bench.report.values import NOTHING

UNMEASURED, DEPARTS, AGREES, MISSING = "can't be measured", "a regression", "no regression", "not measured"
UNDECIDED = "inconclusive"
SWITCHED = {ONEDNN: "without oneDNN", THREADS: "on one thread"}
EFFECT = "effect: of that package alone in the candidate's version, all others in the reference's"
MOST_LETTERS = 40  # of a side
OF_PAIRS = "A+B: of both; A with B: what A adds to B's effect; A and B together: what both do beyond their two effects"
REST = "unexplained: the rest of the whole change; intervals hold together at 95%"


def blame_text(blame: Blame, metric: str, names: tuple[str, str], left_out: Sequence[str]) -> str:
    """Returns the answer, a line for each package, pair and switch, and what was left out; `names` are the sides'."""
    names = (_shortened(names[0]), _shortened(names[1]))
    if blame.by_launches:
        answer, tables = _answer(blame, metric, names), _effect_tables(blame, names)
    else:
        answer, tables = _answer_by_numbers(blame, names), _departure_tables(blame, names)
    return "\n".join([wrapped(answer, WIDTH), "", *tables, *_notes(blame, left_out)])


def blame_json(blame: Blame, metric: str, names: tuple[str, str], left_out: Sequence[str]) -> dict[str, Any]:
    """Returns the same for programs; effects are log ratios."""
    plain: dict[str, Any] = {
        "answer": blame.answer.value,
        "blamed": [one.part.title for one in blame.blamed],
        "metric": metric,
        "reference": names[0],
        "candidate": names[1],
        "left_out": list(left_out),
    }
    if not blame.by_launches:
        parts = [_plain(one) | _plain_departure(one) for one in (*blame.packages, *blame.switches)]
        return plain | {"parts": parts} | _plain_departure(blame.whole)
    parts = [_plain(one) | {"effect": plain_bounds(one.effect)} for one in blame.packages]
    parts += [
        _plain(one) | {"effect": plain_bounds(one.effect), "of_it_gone": plain_bounds(one.gone)}
        for one in blame.switches
    ]
    return plain | {
        "parts": parts,
        "change": plain_bounds(blame.whole.effect),
        "unexplained": plain_bounds(blame.unexplained),
        "pairs": [{"name": one.part.title, "beyond_its_members": plain_bounds(one.beyond)} for one in blame.pairs],
    }


def _shortened(name: str) -> str:
    """Returns a side's name, cut where it is long: the beginning of requirements, the end of a wheel's path."""
    if len(name) <= MOST_LETTERS:
        return name
    return textwrap.shorten(name, MOST_LETTERS, placeholder=" …") if " " in name else f"…{name[1 - MOST_LETTERS :]}"


def _answer(blame: Blame, metric: str, names: tuple[str, str]) -> str:
    change, sides = told(blame.whole.effect), f"from {names[0]} to {names[1]}"
    if blame.answer is Answer.NOT_PROVEN:
        return f"no change of {metric} {sides} is proven, nor the effect of any package: {change}"
    if blame.answer is Answer.NO_PACKAGE:
        return f"{metric} changed {sides} by {change}, and no package alone is proven to bring any of it"
    blamed = ", ".join(f"{_named(one.part, blame)}, {told(one.blamed_for)}" for one in blame.blamed)
    return f"to blame: {blamed}; {metric} changed {sides} by {change}"


def _answer_by_numbers(blame: Blame, names: tuple[str, str]) -> str:
    if blame.answer is Answer.NO_CHANGE:
        return f"the numbers of {names[1]} are not a regression from {names[0]}: there is nothing to blame"
    if blame.answer is Answer.NO_PACKAGE:
        return f"the numbers of {names[1]} are a regression from {names[0]}, and no package alone makes them one"
    if blame.answer is Answer.NOT_PROVEN:
        if blame.whole.undecided:
            return (
                f"nothing is proven: the numbers of {names[1]} are inconclusive: {with_reason(blame.whole.undecided)}"
            )
        if not blame.whole.measured:
            return f"nothing is proven: the numbers of {names[1]} were not measured"
        missing = [one for one in blame.packages if not one.measured]
        inconclusive = " or are inconclusive" if any(one.undecided for one in missing) else ""
        return (
            f"the numbers of {names[1]} are a regression from {names[0]}; no package is proven to bring it, and some "
            f"were not measured{inconclusive}: {', '.join(one.part.name for one in missing)}"
        )
    first, blamed = blame.blamed[0], ", ".join(_named(one.part, blame) for one in blame.blamed)
    assert first.departure
    with_it = f"with {first.part.title}{'' if first.part.members else ' alone'}"
    return f"to blame: {blamed}; {with_it}, {with_reason(first.departure)}"


def _named(part: Part, blame: Blame) -> str:
    """Returns the name of what a part does, and of a pair what it does beyond its members: A with B where B alone was
    measured, of the two.
    """
    if not part.members:
        return part.name
    measured = {one.part.name for one in blame.packages if one.measured}
    left = [name for name in part.members if name not in measured]
    if len(left) == 1:
        (other,) = {*part.members} - {*left}
        return f"{left[0]} with {other}"
    return part.title if left else f"{' and '.join(part.members)} together"


def _effect_tables(blame: Blame, names: tuple[str, str]) -> list[str]:
    rows = []
    for one, versions in _rows(blame, names):
        rows.append([one.part.name, *versions, _launches(one.part), _said(one, told(one.effect))])
        named = _named(one.part, blame)
        if one.beyond and named != one.part.title:
            rows.append([named, "", "", "", told(one.beyond)])
    rows.append(["unexplained", "", "", "", told(blame.unexplained)])
    switched = [
        [SWITCHED[one.part.name], _launches(one.part), _said(one, told(one.effect)), told(one.gone)]
        for one in blame.switches
    ]
    return [
        table_text(("package", "reference", "candidate", "launches", "effect"), rows),
        *_also(("both sides", "launches", "change left", "change gone"), switched),
        wrapped("; ".join((EFFECT, *([OF_PAIRS] if blame.pairs else []), REST)), WIDTH),
    ]


def _departure_tables(blame: Blame, names: tuple[str, str]) -> list[str]:
    rows = [[one.part.name, *versions, _departure(one)] for one, versions in _rows(blame, names)]
    return [
        table_text(("package", "reference", "candidate", "numbers"), rows),
        *_also(("both sides", "numbers"), [[SWITCHED[one.part.name], _departure(one)] for one in blame.switches]),
    ]


def _rows(blame: Blame, names: tuple[str, str]) -> list[tuple[Found, tuple[str, str]]]:
    """Returns the packages and the whole, each with its versions."""
    return [*((one, one.part.versions) for one in blame.packages), (blame.whole, names)]


def _departure(one: Found) -> str:
    if one.undecided:
        return UNDECIDED
    return _said(one, DEPARTS if one.departure else AGREES if one.measured else MISSING)


def _also(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns a second table below an empty line; nothing of no rows."""
    return ["", table_text(headers, rows)] if rows else []


def _launches(part: Part) -> str:
    return str(part.run.launches) if part.run and not part.problem else NOTHING


def _said(one: Found, said: str) -> str:
    return UNMEASURED if one.part.problem else said


def _notes(blame: Blame, left_out: Sequence[str]) -> list[str]:
    """Returns why parts can't be measured, or tell nothing, what wheels forbid, and what was left out."""
    found = (*blame.packages, *blame.switches)
    parts = [one.part for one in found]
    notes = [f"{SWITCHED.get(part.name, part.name)} {UNMEASURED}: {part.problem}" for part in parts if part.problem]
    notes += [
        f"{SWITCHED.get(one.part.name, one.part.name)} is {UNDECIDED}: {with_reason(one.undecided)}"
        for one in found
        if one.undecided
    ]
    notes += [
        f"{part.name} goes against the wheels' own requirements: {part.refused}" for part in parts if part.refused
    ]
    return [wrapped(note, WIDTH) for note in (*notes, *(f"left out: {line}" for line in left_out))]


def _plain(one: Found) -> dict[str, Any]:
    part = one.part
    versions = dict(zip(("reference", "candidate"), part.versions, strict=True)) if any(part.versions) else {}
    return {"name": part.name, **versions, "problem": part.problem or None, "refused": part.refused or None}


def _plain_departure(one: Found) -> dict[str, Any]:
    return plain_numbers(one.departure or one.undecided, compared=one.part.compared)
