"""Launches to samples to comparisons to a verdict, without effects. Imports `bench.stats` and `bench.record`.

types        Metric, Sample, Comparison, Verdict; reasons and notices: why, as data
metrics      the table of metrics; margins: how much of each matters
samples      launches to samples, samples to comparisons: the path of every metric with noise
exact        errors against the oracle, retraces, graphs
lockstep     two sides step by step
perplexity   replicate trainings; throughput: words a second; both by a baseline, which baselines makes of runs
paired       the verdict of an upgrade; gate: of a gate and of a run; micro: of benchmarks; compare: of two reports
failures     what failed launches say: of both sides in turn, and of a candidate alone
planning     while a run is measured: its plan, the next launch, the time left
ledger       ratios that were accepted, rebased; acceptances: regressions that may pass
survey       many comparisons, release by release; machines: host by host; history: report by report
bisect       the release that brought a change; blame: the package

reports and likeness help these.
"""
