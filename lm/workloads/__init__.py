"""Workloads: what people run, one file each. The file's name is the workload's, "predict-call" of predict_call.

`protocol` says what a workload is, `registry` finds them, `parts` holds their work and what several share. The files
import TensorFlow nowhere, since the orchestrator and the oracle read them without; those of `parts` may.
"""
