"""The words that pages explain where they stand: the glossary's, and what metrics of two kinds are."""

from collections.abc import Mapping

from bench.judge.metrics import PEAK_MEMORY, PERPLEXITY

# Beginnings of docs/glossary.md (tests/bench/report/test_terms.py).
GLOSSARY: Mapping[str, str] = {
    "launch": "A fresh process of each side, from start to end. It is the independent sample (JMH calls it a fork).",
    "margin": "The largest difference that does not matter (a non-inferiority margin).",
    "minimum detectable effect": "The smallest true difference that the run calls a REGRESSION with 95% power.",
    "95% CI": "The two-sided 95% confidence interval. A REGRESSION lies beyond the margin with all of it. A PASS lies "
    "within with all of the 90% CI, or with its upper end alone, the 95% bound.",
    "oracle": "The training step written in NumPy in float64: the definition of right.",
    "lockstep": "Both sides take the same step from the same weights, hundreds of times, and every tensor is compared.",
    "fixed reference": "The report from which tfgate history measures drift, or the release with which a survey "
    "compares all. It never moves, so that small steps add up.",
    "drift": "The distance of the newest report from the fixed reference.",
}
METRICS: Mapping[str, str] = {
    "numerics": "Steps of real training compared with the oracle, in NumPy and float64.",
    PERPLEXITY: "Windowed: of the last part of the training's steps alone, which rounding spreads least. The table of "
    "launches has the running perplexity, of all steps.",
    PEAK_MEMORY: "Anonymous memory: what a process allocated. Resident memory, in plots and in the table of launches, "
    "has the mapped files of TensorFlow as well.",
}
TERMS: Mapping[str, str] = {**GLOSSARY, **METRICS}
OVER_TIME = ("fixed reference", "drift")
PAGES: Mapping[str, tuple[str, ...]] = {  # the words that each page lists
    "report": tuple(word for word in TERMS if word not in OVER_TIME),
    "survey": ("fixed reference", "launch", "margin", "95% CI", "oracle", "lockstep", *METRICS),
    "history": (*OVER_TIME, "launch", "margin", PEAK_MEMORY),
}
KINDS: Mapping[str, str] = {PERPLEXITY: "windowed", PEAK_MEMORY: "anonymous"}  # of values that have another kind
