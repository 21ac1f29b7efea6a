"""Parts that several workloads share: `calls`, `padded` without TensorFlow, `sequential`, `differentiated` with it."""
