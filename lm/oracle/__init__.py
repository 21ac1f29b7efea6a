"""The definition of the model in NumPy, without TensorFlow.

- `step`: the equations, and one training or evaluation step
- `lstm`: a layer over time; `sgd`: sparse gradients, clipping and the update
- `masked`, `bidirectional`: padded sequences; `optimizers`: Adam, momentum, RMSprop
"""
