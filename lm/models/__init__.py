"""One model in three implementations, each a module with a class `Model`.

- `protocol`: the interface of all three
- `cells`: an LSTMCell a layer in one Keras RNN; `layers`: a Keras LSTM a layer; `keras_model`: what the two share
- `fused`: core operations with gradients written out (`fused_lstm`, `fused_output`, `fused_parts`)
- `xla`: whether operations are being traced for XLA
"""
