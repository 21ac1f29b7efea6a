"""Parts that several workloads share: `calls` without TensorFlow, `sequential` with it."""
