"""Sums up what a process found of a launch: an error of each quantity or tensor, not one of each step or case."""

import dataclasses
from collections.abc import Iterable

from bench.record.types import NumericError

Compared = tuple[str, str, str]  # NumericError.compared


class Tally:
    """Sums up the errors of many steps: of each quantity the nearest to its limit, and each tensor's first over it."""

    def __init__(self) -> None:
        self._steps: dict[Compared, int] = {}
        self._nearest: dict[Compared, NumericError] = {}
        self._over: dict[tuple[Compared, str], NumericError] = {}

    def add(self, errors: Iterable[NumericError]) -> None:
        """Takes in the errors of one step."""
        found = list(errors)
        for compared in dict.fromkeys(error.compared for error in found):
            self._steps[compared] = self._steps.get(compared, 0) + 1
        for error in found:
            if not error.within:
                self._over.setdefault((error.compared, error.tensor), error)
            elif error.used >= getattr(self._nearest.get(error.compared), "used", 0.0):
                self._nearest[error.compared] = error

    def errors(self) -> list[NumericError]:
        """Returns them, in the order in which their quantities were found first."""
        over = list(self._over.values())
        return [
            dataclasses.replace(error, steps=steps)
            for compared, steps in self._steps.items()
            for error in [one for one in over if one.compared == compared] or [self._nearest[compared]]
        ]


class Best:
    """Keeps of each tensor the smallest part of its limit, over the cases: a wrong tensor is wrong in every start."""

    def __init__(self) -> None:
        self._best: dict[tuple[Compared, str], NumericError] = {}

    def add(self, errors: Iterable[NumericError]) -> None:
        """Takes in the errors of a case."""
        for error in errors:
            key = error.compared, error.tensor
            if key not in self._best or error.used < self._best[key].used:
                self._best[key] = error

    def errors(self) -> list[NumericError]:
        """Returns one error of each tensor."""
        return list(self._best.values())
