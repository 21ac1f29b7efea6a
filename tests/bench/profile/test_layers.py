"""Names as TensorFlow 2.12 (Keras 2), 2.21 (Keras 3) and `fused` give them, and the layers they belong to."""

import pytest

from bench.profile.layers import layers, scopes

KERAS_2 = {
    "embedding/embedding_lookup": "embedding",
    "rnn/while/body/_1/rnn/while/stacked_rnn_cells/lstm_cell/MatMul_1": "lstm 0",
    "rnn/while/body/_1/rnn/while/stacked_rnn_cells/lstm_cell_1/Sigmoid": "lstm 1",
    "rnn/TensorArrayUnstack/TensorListFromTensor": "recurrence",
    "dense/Tensordot/MatMul": "output",
    "gradient_tape/dense/Tensordot/MatMul/MatMul_1": "output, gradient",
    "SparseSoftmaxCrossEntropyWithLogits/SparseSoftmaxCrossEntropyWithLogits": "loss",
    "global_norm/L2Loss_7": "clipping",
    "clip_by_global_norm/mul_1": "clipping",
    "AssignAddVariableOp": "no scope",
    "mul_6/ReadVariableOp": "no scope",
}
KERAS_2_LAYERS = {
    "lstm/Read/ReadVariableOp": "lstm 0",
    "while_15/body/_1/while/MatMul": "recurrence",
    "gradients/while_grad/while_grad/body/_1/gradients/while_grad/gradients/while/MatMul_grad/MatMul": "recurrence, gradient",  # noqa: E501  # a real name
    "gradients/while_grad/while_grad/body/_1/gradients/while_grad/gradients/AddN_3": "recurrence, gradient",
}
KERAS_3 = {
    "embedding_1/GatherV2": "embedding",
    "rnn_1/while/body/_1/rnn_1/while/stacked_rnn_cells_1/lstm_cell_1/MatMul": "lstm 0",
    "rnn_1/while/body/_1/rnn_1/while/stacked_rnn_cells_1/lstm_cell_1_2/MatMul_1": "lstm 1",
    "gradient_tape/rnn_1/while/rnn_1/while_grad/body/_172/gradient_tape/rnn_1/while/gradients/"
    "rnn_1/while/stacked_rnn_cells_1/lstm_cell_1_2/BiasAdd_grad/BiasAddGrad": "lstm 1, gradient",
    "gradient_tape/rnn_1/while/rnn_1/while_grad/body/_172/gradient_tape/rnn_1/while/gradients/AddN_4": "recurrence, gradient",  # noqa: E501  # a real name
    "dense_1/BiasAdd": "output",
    "sgd/ResourceScatterSub": "update",
    "something/of/mine": "something",
    "something_1/else": "something",
    "sequential_1/conv2d_2/convolution": "conv2d",
    "gradient_tape/functional_3/max_pooling2d_1/MaxPool2d/MaxPoolGrad": "max_pooling2d, gradient",
    "sequential_1/Cast": "sequential",
}
FUSED = {
    "embedding/Gather": "embedding",
    "dropout/mul": "dropout",
    "gradient_tape/dropout_1/mul/Mul": "dropout, gradient",
    "lstm_0/MatMul": "lstm 0",
    "gradient_tape/lstm_1/MatMul_3": "lstm 1, gradient",
    "output/Softmax": "output",
    "output/cond/MatMul": "output",
    "gradient_tape/output/ScatterNdNonAliasingAdd": "output, gradient",
    "sgd/ResourceScatterSub": "update",
    "gradient_tape/Reshape": "no scope, gradient",
    "gradients/AddN": "no scope, gradient",
    "zeros_1": "no scope",
}


@pytest.mark.parametrize("names", [KERAS_2, KERAS_2_LAYERS, KERAS_3, FUSED])
def test_names_of_every_implementation_belong_to_the_same_layers(names: dict[str, str]) -> None:
    assert layers(names) == names


def test_layers_of_ten_and_more_are_counted_as_numbers() -> None:
    names = [f"lstm_{number}/MatMul" for number in (10, 9, 2)]
    assert layers(names) == {"lstm_2/MatMul": "lstm 0", "lstm_9/MatMul": "lstm 1", "lstm_10/MatMul": "lstm 2"}


def test_scopes_begin_inside_what_was_inlined() -> None:
    assert scopes("rnn/while/body/_1/rnn/while/lstm_cell/MatMul") == ["rnn", "while", "lstm_cell"]
    assert scopes("MatMul") == []
