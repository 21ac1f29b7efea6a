"""A user's own model as a workload: a Python file, named by its path in the place of a workload's name.

Its function `workload`, without parameters, returns `model, batch` (a compiled Keras model) or `step, variables, batch`
(a training step of one's own). docs/own-model.md is its tutorial. The orchestrator reads the file and never runs it.
"""

import ast
import hashlib
import re
import symtable
from collections.abc import Iterator
from pathlib import Path

from lm.config import Blocks, ConfigError, unit_plans
from lm.workloads.protocol import UNTRACED, Defining, Definition, Opening

FUNCTION = "workload"
RETURNS = (
    "it must return (model, batch), with a compiled Keras model, or (step, variables, batch), where step(*batch) "
    "trains once and returns its loss"
)
# Cases: a few steps from the reference's initial weights, and from two starts near them. One start isn't enough: where
# two numbers that a maximum is taken of are equal but for rounding, the gradient may jump.
CASES = ("start 1", "start 2", "start 3")
NAME = re.compile(r"\w[\w.-]*\.py", re.ASCII)
# Steps of a block are the fewest here: bench.drive.sized makes more of them where a step is short.
BLOCKS = Blocks(quads=10, steps=2, dropped=1)


class Workload(Defining):
    """Implements lm.workloads.protocol.Defining for the file at `path`.

    Raises ConfigError for a file that can't be one.
    """

    work = "own_work:Work"
    metrics = UNTRACED
    plans = unit_plans(own=BLOCKS)
    cases: tuple[str, ...] = CASES

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._source = path.read_bytes()
            tree = ast.parse(self._source, str(path))
            symbols = symtable.symtable(self._source, str(path), "exec")  # type: ignore[arg-type]  # takes bytes, too
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}; name a file with a function `{FUNCTION}`") from error
        except (SyntaxError, ValueError) as error:
            where = f" line {error.lineno}:" if isinstance(error, SyntaxError) and error.lineno else ""
            raise ConfigError(f"{path}:{where} {getattr(error, 'msg', error)}: it is not Python") from error
        if not NAME.fullmatch(path.name):
            raise ConfigError(f"{path.name!r} is to name reports: use only letters, digits, '_', '-' and '.' in it")
        _require_function(path, tree, symbols)

    @property
    def fingerprint(self) -> str:
        """Returns the first 16 digits of the file's SHA-256."""
        return hashlib.sha256(self._source).hexdigest()[:16]

    def define(self, opening: Opening) -> Iterator[Definition]:
        """Runs the file in float32 and in float64. Raises whatever it does."""
        from lm.workloads.parts.own_work import define

        return define(self.path, self.cases)


def _require_function(path: Path, tree: ast.Module, symbols: symtable.SymbolTable) -> None:
    """Raises ConfigError unless the file binds the function's name, and what it defines by that name takes no
    arguments.
    """
    name = symbols.lookup(FUNCTION) if FUNCTION in symbols.get_identifiers() else None
    if not (name and (name.is_assigned() or name.is_imported())):
        raise ConfigError(f"{path}: there is no function `{FUNCTION}`: add one without parameters; {RETURNS}")
    last = next((node for node in reversed(tree.body) if FUNCTION in _bound(node)), None)
    if isinstance(last, ast.AsyncFunctionDef):
        raise ConfigError(f"{path}: function `{FUNCTION}` is asynchronous: write `def`, without `async`")
    if not isinstance(last, ast.FunctionDef):
        return
    given = last.args
    positional = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    if positional or any(default is None for default in given.kw_defaults):
        raise ConfigError(f"{path}: function `{FUNCTION}` has parameters: give it none, or defaults")


def _bound(node: ast.stmt) -> set[str]:
    """Returns the names that a statement binds: of a definition its own, of others all that it assigns or imports."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    stored = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    aliases = [one for one in ast.walk(node) if isinstance(one, ast.alias)]
    return stored | {one.asname or one.name for one in aliases}
