"""What several workloads share: `calls` without TensorFlow, `sequential` with it."""
