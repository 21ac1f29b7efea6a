"""Graphs of small functions: their lines, their matrix products, their HLO."""

from typing import Any

import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.hot_paths.graphs import graph_of, hlo_of, node_lines, product_flops  # noqa: E402  # it imports TensorFlow, which may be missing

pytestmark = pytest.mark.tensorflow


def graph(body: Any, *shapes: tuple[int, ...]) -> Any:
    return graph_of(tf.function(body, autograph=False), tuple(tf.zeros(shape) for shape in shapes))


@pytest.mark.parametrize(
    ("transpose_a", "transpose_b", "shapes"),
    [
        (False, False, ((2, 3), (3, 5))),
        (True, False, ((3, 2), (3, 5))),
        (False, True, ((2, 3), (5, 3))),
        (True, True, ((3, 2), (5, 3))),
    ],
)
def test_a_product_costs_twice_rows_inner_columns(
    transpose_a: bool, transpose_b: bool, shapes: tuple[tuple[int, ...], ...]
) -> None:
    """[2, 3] by [3, 5]: 2·2·3·5 = 60. Where the first input's shape isn't known the second's serves."""

    def body(left: Any, right: Any) -> Any:
        return tf.matmul(left, right, transpose_a=transpose_a, transpose_b=transpose_b, name="product")

    assert product_flops(graph(body, *shapes))["product"] == 60


def test_a_kernel_fused_with_a_bias_counts_its_product() -> None:
    """The remapper calls the fused kernel by the bias' node."""
    flops = product_flops(graph(lambda a, b: tf.nn.bias_add(tf.matmul(a, b), tf.zeros(5), name="bias"), (2, 3), (3, 5)))
    assert flops["bias"] == 60


def test_products_inside_a_loop_are_found() -> None:
    def body(matrix: Any) -> Any:
        return tf.while_loop(
            lambda i, _: i < 3, lambda i, m: (i + 1, tf.matmul(m, tf.ones((4, 4)), name="inner")), (0, matrix)
        )[1]

    flops = product_flops(graph(body, (4, 4)))
    assert {name.rpartition("/")[2]: count for name, count in flops.items()}["inner"] == 2 * 4**3


@pytest.mark.parametrize(("columns", "known"), [((5, 5), True), ((5, 7), False)])
def test_a_name_that_two_functions_give_to_unlike_products_tells_nothing(columns: tuple[int, int], known: bool) -> None:
    """As two LSTM layers of Keras 2 do: a trace has the name alone."""

    def product(width: int) -> Any:
        return tf.function(lambda a: tf.matmul(a, tf.ones((3, width)), name="inner"), autograph=False)

    def body(a: Any) -> Any:
        return [product(width)(a) for width in columns]

    flops = product_flops(graph(body, (2, 3)))
    assert flops.get("inner") == (60 if known else None)


def test_lines_name_each_node_with_its_type_inputs_and_shapes() -> None:
    lines = node_lines(graph(lambda a, b: a @ b, (2, 3), (3, 5))).splitlines()
    assert "MatMul = MatMul(a, b) [2, 5]" in lines or "matmul = MatMul(a, b) [2, 5]" in lines


def test_hlo_is_text_and_its_refusal_a_reason() -> None:
    text, problem = hlo_of(lambda a: a @ a, (tf.ones((4, 4)),))
    assert "dot(" in text
    assert problem == ""
    text, problem = hlo_of(lambda a: tf.py_function(lambda x: x, [a], tf.float32), (tf.ones((4, 4)),))
    assert text == ""
    assert problem
