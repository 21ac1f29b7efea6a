"""Training of a model.

- `initial`: the weights that training starts from (without TensorFlow)
- `trainer`: the training step and the evaluation step as functions of TensorFlow
- `passes`: many steps over a corpus; `full`: all epochs of a configuration; `checkpoint`: the file to resume from
"""
