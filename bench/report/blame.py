"""The parts of a change, for a terminal and for programs."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from bench.judge.blame import ONEDNN, THREADS, Answer, Blame, Part
from bench.report.bisect import plain_bounds, told
from bench.report.sentences import why
from bench.report.text import WIDTH, table_text, wrapped
from bench.report.values import NOTHING
from bench.stats.effects import Effects
from bench.stats.pooled import Bounded

UNMEASURED, DEPARTS, AGREES, MISSING = "can't be measured", "a regression", "no regression", "not measured"
SWITCHED = {ONEDNN: "without oneDNN", THREADS: "on one thread"}
EFFECT = "effect: of that package alone in the candidate's version, all others in the reference's"
OF_PAIRS = "A+B: of both; A with B: what A adds to B's effect; A and B together: what both do beyond their two effects"
REST = "unexplained: the rest of the whole change; intervals hold together at 95%"


def blame_text(blame: Blame, metric: str, names: tuple[str, str], left_out: Sequence[str]) -> str:
    """Returns the answer, a line for each package, pair and switch, and what was left out; `names` are the sides'."""
    if blame.effects:
        answer, tables = _answer(blame, blame.effects, metric, names), _effect_tables(blame, blame.effects, names)
    else:
        answer, tables = _answer_by_numbers(blame, names), _departure_tables(blame, names)
    return "\n".join([wrapped(answer, WIDTH), "", *tables, *_notes(blame, left_out)])


def blame_json(blame: Blame, metric: str, names: tuple[str, str], left_out: Sequence[str]) -> dict[str, Any]:
    """Returns the same for programs; effects are log ratios."""
    found, parts = blame.effects, [*blame.packages, *blame.switches]
    plain: dict[str, Any] = {
        "answer": blame.answer.value,
        "blamed": list(blame.blamed),
        "metric": metric,
        "reference": names[0],
        "candidate": names[1],
        "left_out": list(left_out),
        "parts": [_plain(part) for part in parts],
    }
    if found:
        plain |= {"change": plain_bounds(found.whole), "unexplained": plain_bounds(found.unexplained)}
        pairs = zip(blame.pairs, found.beyond, strict=True)
        plain["pairs"] = [{"name": pair.title, "beyond_its_members": plain_bounds(one)} for pair, one in pairs]
        gone = [None] * len(found.parts) + [{"of_it_gone": plain_bounds(one)} for one in found.gone]
        for part, effect, more in zip(plain["parts"], (*found.parts, *found.left), gone, strict=True):
            part |= {"effect": plain_bounds(effect), **(more or {})}
    else:
        rows = zip((plain, *plain["parts"]), (blame.whole, *parts), blame.departures, strict=True)
        for said, part, departure in rows:
            said |= {"compared": part.compared, "regression": why(departure) if departure else None}
    return plain


def _answer(blame: Blame, found: Effects, metric: str, names: tuple[str, str]) -> str:
    change, sides = told(found.whole), f"from {names[0]} to {names[1]}"
    if blame.answer is Answer.NOT_PROVEN:
        return f"no change of {metric} {sides} is proven, nor the effect of any package: {change}"
    if blame.answer is Answer.NO_PACKAGE:
        return f"{metric} changed {sides} by {change}, and no package alone is proven to bring any of it"
    effects = {part.name: (part.name, effect) for part, effect in zip(blame.packages, found.parts, strict=True)}
    effects |= _beyond(blame, found)
    blamed = ", ".join(f"{name}, {told(effect)}" for name, effect in map(effects.__getitem__, blame.blamed))
    return f"to blame: {blamed}; {metric} changed {sides} by {change}"


def _answer_by_numbers(blame: Blame, names: tuple[str, str]) -> str:
    if blame.answer is Answer.NO_CHANGE:
        return f"the numbers of {names[1]} are not a regression from {names[0]}: there is nothing to blame"
    if blame.answer is Answer.NO_PACKAGE:
        return f"the numbers of {names[1]} are a regression from {names[0]}, and no package alone makes them one"
    if blame.answer is Answer.NOT_PROVEN:
        if not blame.whole.compared:
            return f"nothing is proven: the numbers of {names[1]} were not measured"
        missing = ", ".join(part.name for part in blame.packages if not part.compared)
        return (
            f"the numbers of {names[1]} are a regression from {names[0]}; no package is proven to bring it, and some "
            f"were not measured: {missing}"
        )
    first, pairs = blame.blamed[0], {pair.title: _named(pair, blame) for pair in blame.pairs}
    parts = zip((blame.whole, *blame.packages), blame.departures, strict=False)
    one = next(departure for part, departure in parts if departure and part.title == first)
    with_it = f"with {first}{'' if first in pairs else ' alone'}"
    blamed = ", ".join(pairs.get(name, name) for name in blame.blamed)
    return f"to blame: {blamed}; {with_it}, {one.metric.name} of {one.subject}: {why(one)}"


def _named(pair: Part, blame: Blame) -> str:
    """Returns the name of what a pair does beyond its members: A with B where B alone was measured, of the two."""
    told_apart = blame.effects.parts if blame.effects else [part.compared for part in blame.packages]
    measured = {part.name for part, apart in zip(blame.packages, told_apart, strict=True) if apart}
    left = [name for name in pair.members if name not in measured]
    if len(left) == 1:
        (other,) = {*pair.members} - {*left}
        return f"{left[0]} with {other}"
    return pair.title if left else f"{' and '.join(pair.members)} together"


def _beyond(blame: Blame, found: Effects) -> dict[str, tuple[str, Bounded | None]]:
    """Returns what each pair does beyond its members, with its name, by the pair's title."""
    return {pair.title: (_named(pair, blame), one) for pair, one in zip(blame.pairs, found.beyond, strict=True)}


def _effect_tables(blame: Blame, found: Effects, names: tuple[str, str]) -> list[str]:
    parts, pairs = (*blame.packages, dataclasses.replace(blame.whole, versions=names)), _beyond(blame, found)
    rows = []
    for part, effect in zip(parts, (*found.parts, found.whole), strict=True):
        rows.append([part.name, *part.versions, _launches(part), _effect(part, told(effect))])
        named, beyond = pairs.get(part.title, ("", None))
        if beyond and named != part.title:
            rows.append([named, "", "", "", told(beyond)])
    rows.append(["unexplained", "", "", "", told(found.unexplained)])
    switched = [
        [SWITCHED[part.name], _launches(part), _effect(part, told(left)), told(gone)]
        for part, left, gone in zip(blame.switches, found.left, found.gone, strict=True)
    ]
    return [
        table_text(("package", "reference", "candidate", "launches", "effect"), rows),
        *_also(("both sides", "launches", "change left", "change gone"), switched),
        wrapped("; ".join((EFFECT, *([OF_PAIRS] if pairs else []), REST)), WIDTH),
    ]


def _departure_tables(blame: Blame, names: tuple[str, str]) -> list[str]:
    whole, *said = [
        _effect(part, DEPARTS if departure else AGREES if part.compared else MISSING)
        for part, departure in zip((blame.whole, *blame.packages, *blame.switches), blame.departures, strict=True)
    ]
    rows = [[part.name, *part.versions, word] for part, word in zip(blame.packages, said, strict=False)]
    rows.append([blame.whole.name, *names, whole])
    switched = zip(blame.switches, said[len(blame.packages) :], strict=True)
    return [
        table_text(("package", "reference", "candidate", "numbers"), rows),
        *_also(("both sides", "numbers"), [[SWITCHED[part.name], word] for part, word in switched]),
    ]


def _also(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns a second table below an empty line; nothing of no rows."""
    return ["", table_text(headers, rows)] if rows else []


def _launches(part: Part) -> str:
    return str(len({pair.launch for pair in part.run.pairs})) if part.run and not part.problem else NOTHING


def _effect(part: Part, said: str) -> str:
    return UNMEASURED if part.problem else said


def _notes(blame: Blame, left_out: Sequence[str]) -> list[str]:
    """Returns why parts can't be measured, what wheels forbid, and what was left out."""
    parts = (*blame.packages, *blame.switches)
    notes = [f"{SWITCHED.get(part.name, part.name)} {UNMEASURED}: {part.problem}" for part in parts if part.problem]
    notes += [
        f"{part.name} goes against the wheels' own requirements: {part.refused}" for part in parts if part.refused
    ]
    return [wrapped(note, WIDTH) for note in (*notes, *(f"left out: {line}" for line in left_out))]


def _plain(part: Part) -> dict[str, Any]:
    versions = dict(zip(("reference", "candidate"), part.versions, strict=True)) if any(part.versions) else {}
    return {"name": part.name, **versions, "problem": part.problem or None, "refused": part.refused or None}
