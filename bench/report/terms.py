"""The words that pages explain where they stand: the glossary's, and what metrics are."""

from collections.abc import Mapping

from bench.judge.metrics import (
    CPU_TIME,
    EVALUATION_STEP,
    GPU_MEMORY,
    MEAN_STEP,
    MEMORY_GROWTH,
    NUMERICS,
    ONE_CORE_STEP_TIME,
    PEAK_MEMORY,
    PERPLEXITY,
    RETRACES,
    STEP_TIME,
)
from bench.record.types import FITTED_LOSS, STEP_TIME_GROWTH

# Beginnings of docs/glossary.md (tests/bench/report/test_terms.py).
GLOSSARY: Mapping[str, str] = {
    "reference": "The side that is trusted.",
    "candidate": "The side that is judged.",
    "subject": "What was measured: workload, configuration, corpus, implementation and device.",
    "launch": "A fresh process of each side, from start to end. It is the independent sample (JMH calls it a fork).",
    "margin": "The largest difference that does not matter (a non-inferiority margin).",
    "deviation": "A standard deviation; unless said otherwise, that of launches' values.",
    "minimum detectable effect": "The smallest true difference that the run calls a REGRESSION with 95% power.",
    "95% CI": "The two-sided 95% confidence interval. A REGRESSION lies beyond the margin with all of it. A PASS lies "
    "within with all of the 90% CI, or with its upper end alone, the 95% bound.",
    "PASS": "Every gating metric is proven to be within its margin.",
    "REGRESSION": "A gating metric is proven to be beyond its margin.",
    "INCONCLUSIVE": "The measurements prove neither a PASS nor a REGRESSION.",
    "MEASUREMENT FAILED": "A launch did not finish, and no metric is a REGRESSION: there is no verdict.",
    "slow mode": "A candidate has one if it is slow in some launches and as fast as ever in the others.",
    "not gated": "Shown, and decides nothing.",
    "oracle": "The training step written in NumPy in float64: the definition of right.",
    "lockstep": "Both sides take the same step from the same weights, hundreds of times, and every tensor is compared.",
    "fixed reference": "The report from which tfgate history measures drift, or the release with which a survey "
    "compares all. It never moves, so that small steps add up.",
    "drift": "The distance of the newest report from the fixed reference.",
}
METRICS: Mapping[str, str] = {
    NUMERICS.name: "Steps of real training, or answers of other work, compared with the oracle, in NumPy and float64.",
    RETRACES.name: "Traces of the step's function after its first, which cost time.",
    PERPLEXITY: "Windowed: of the last part of the training's steps alone, which rounding spreads least. The table of "
    "launches has the running perplexity, of all steps. It falls as training goes on, and a gate and an "
    "upgrade train for different numbers of steps.",
    FITTED_LOSS: "The mean loss of the first eight fits of a launch, which has a seed of its own.",
    ONE_CORE_STEP_TIME: "Of launches with one thread pinned to one core, which usually deviate less than those on all "
    "cores.",
    STEP_TIME: "Of launches on all cores, as users run TensorFlow.",
    MEAN_STEP: "The mean of all blocks, with the outlier steps that step time trims away.",
    EVALUATION_STEP: "The time of a step that computes the loss alone, without gradients and update.",
    PEAK_MEMORY: "Anonymous memory: what a process allocated. Resident memory, in plots and in the table of launches, "
    "has the mapped files of TensorFlow as well.",
    MEMORY_GROWTH: "The memory that a process gains with each step.",
    STEP_TIME_GROWTH: "How much longer the later half of a launch's units take than the earlier half.",
    CPU_TIME: "CPU seconds of a step, of all threads of its process together: more than the step time where several "
    "threads work, or wait busily, at once.",
    "import": "The time that a fresh process takes to import TensorFlow, whose files are in memory already.",
    "build": "The time that a launch takes to make its model, or its tf.data pipeline.",
    "trace": "The time that TensorFlow takes to trace the training step, before its first.",
    "first step": "The time of a launch's first unit, after import, build and trace.",
    GPU_MEMORY: "The most memory of the GPU that TensorFlow had in use at once.",
}
TERMS: Mapping[str, str] = {**GLOSSARY, **METRICS}
OUTCOMES = ("PASS", "REGRESSION", "INCONCLUSIVE")
OVER_TIME = ("fixed reference", "drift")
PAGES: Mapping[str, tuple[str, ...]] = {  # the words that each page lists
    "report": tuple(word for word in TERMS if word not in OVER_TIME),
    "survey": ("fixed reference", "launch", "margin", "95% CI", "oracle", "lockstep", *METRICS),
    "history": (*OVER_TIME, "launch", "margin", *OUTCOMES, PEAK_MEMORY),
}
