"""The program behind a tf.function: its graph, the matrix products in it, and XLA's HLO for it."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from lm.models.xla import for_xla

PRODUCTS = {"MatMul", "BatchMatMulV2", "BatchMatMulV3"}
TRANSPOSED = (("transpose_a", "adj_x"), ("transpose_b", "adj_y"))  # attributes that say so of a product's two inputs
FUSED_LOOK_BACK = 3  # nodes between a product and the node that a fused kernel is named after: bias, activation


def graph_of(function: tf.types.experimental.GenericFunction, arguments: tuple[Any, ...]) -> tf.compat.v1.GraphDef:
    """Returns the GraphDef of the function's trace for the arguments; each node says its outputs' shapes."""
    return function.get_concrete_function(*arguments).graph.as_graph_def(add_shapes=True)


def node_lines(graph: tf.compat.v1.GraphDef) -> str:
    """Returns a line a node, `name = Type(inputs) shapes`; functions of the library after their names, in order."""
    lines = [_node_line(node) for node in graph.node]
    for function in sorted(graph.library.function, key=lambda function: _without_number(function.signature.name)):
        lines += [
            "",
            f"{_without_number(function.signature.name)}:",
            *(f"  {_node_line(node)}" for node in function.node_def),
        ]
    return "\n".join(lines) + "\n"


def hlo_of(body: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str, str]:
    """Traces the body for XLA and returns (its HLO text, "") or ("", why XLA can't compile it)."""
    try:
        compiled = tf.function(body, jit_compile=True, autograph=False)
        with for_xla():
            return str(compiled.experimental_get_compiler_ir(*arguments)(stage="hlo")), ""
    except Exception as error:  # XLA refuses in many ways, and none of them concerns the profile
        return "", f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def product_flops(graph: tf.compat.v1.GraphDef) -> dict[str, int]:
    """Returns each matrix product's operations, 2·rows·inner·columns, by the names that its kernel may have in a trace.

    A fused kernel has the name of the last node that it includes (its bias, say), so nodes that read a product count,
    too. A name that products of unlike sizes have, in two functions, tells nothing and is left out.
    """
    sizes: dict[str, set[int]] = defaultdict(set)
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        by_name = {node.name: node for node in nodes}
        for node in nodes:
            product = _product_behind(node, by_name)
            count = _flops(product, by_name) if product is not None else 0
            if count:
                sizes[node.name].add(count)
    return {name: counts.pop() for name, counts in sizes.items() if len(counts) == 1}


def _product_behind(
    node: tf.compat.v1.NodeDef, by_name: Mapping[str, tf.compat.v1.NodeDef]
) -> tf.compat.v1.NodeDef | None:
    """Returns the product that the node is, or that it or its predecessors read first; None if none is near."""
    for _ in range(FUSED_LOOK_BACK):
        if node.op in PRODUCTS:
            return node
        if not node.input or _source(node.input[0]) not in by_name:
            return None
        node = by_name[_source(node.input[0])]
    return None


def _flops(product: tf.compat.v1.NodeDef, by_name: Mapping[str, tf.compat.v1.NodeDef]) -> int:
    """Returns 2 × the output's size × the inner dimension; 0 where a shape isn't known."""
    output = _shape(product)
    for place in (0, 1):  # the left matrix [rows, inner] and the right one [inner, columns]
        shape = _shape(by_name.get(_source(product.input[place])))
        if output and shape:
            flipped = any(product.attr[name].b for name in TRANSPOSED[place] if name in product.attr)
            return 2 * math.prod(output) * shape[-2 if flipped != bool(place) else -1]
    return 0


def _shape(node: tf.compat.v1.NodeDef | None) -> tuple[int, ...]:
    """Returns the shape of the node's first output; () where it isn't known."""
    if node is None:
        return ()
    shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ()
    sizes = tuple(dimension.size for dimension in shapes[0].dim) if shapes else ()
    return sizes if all(size > 0 for size in sizes) else ()


def _source(name: str) -> str:
    """Returns the node that an input comes from: `^name`, `name:0` and, in functions, `name:output:0`."""
    return name.lstrip("^").partition(":")[0]


def _node_line(node: tf.compat.v1.NodeDef) -> str:
    shapes = ", ".join(_shape_texts(node))
    return f"{node.name} = {node.op}({', '.join(_without_number(name) for name in node.input)}) {shapes}".rstrip()


def _shape_texts(node: tf.compat.v1.NodeDef) -> Iterator[str]:
    for shape in node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ():
        yield (
            "[?]"
            if shape.unknown_rank
            else f"[{', '.join('?' if size.size < 0 else str(size.size) for size in shape.dim)}]"
        )


def _without_number(name: str) -> str:
    """Returns a function's name without the number that TensorFlow counts up in each process."""
    return re.sub(r"(__(?:inference|forward|backward)_.*?)_\d+", r"\1", name)
