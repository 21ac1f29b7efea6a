"""Workloads: what people run, one file each. The file's name is the workload's, "predict-call" of predict_call.

`protocol` says what a workload is, `registry` finds them, `parts` holds their work and what several share. A file
imports TensorFlow inside functions only, since the orchestrator and the oracle read it without; one of `parts` needn't.
"""
