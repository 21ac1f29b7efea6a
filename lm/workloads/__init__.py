"""Workloads: what people run, one file each. The file's name is the workload's, "predict-call" of predict_call.

`protocol` says what a workload is, `registry` finds them, `parts` holds what several share. A file imports TensorFlow
only where it builds, since the orchestrator and the oracle read it without.
"""
