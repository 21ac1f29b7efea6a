"""One module a command: its arguments, its typed request, and what it does; and what commands share.

model      the options that choose the model that is measured, its request and its plans
options    other groups of options, and the types that are made of them; usage: their error
plans      the launches that a command measures
sides      --from and --to, from words to environments
stored     reading reports, profiles and baselines
verdicts   judging, printing, the CI job's summary, exit codes
timing     one timing job at a time on this host, and what disturbs it
acceptance regressions that `tfgate record` lets pass until a day
paired     two sides, measured to the end; growing: launch by launch; clustered: on a Dask cluster
searches   what bisect and blame share
surveys    stored surveys
acquire    the Penn Treebank, from an address, an archive or a folder
resume     going on from what was kept; following: the end of bisect and blame, and what goes on from it
progress   bars and lines while something runs; messages: other lines on standard error
errors     errors to a line and an exit code

bisect_search and blame_parts do the work of bisect and of blame, whose own files hold words, request and answer.

May import drive, judge, profile, report, record, and of lm only what needs no TensorFlow.
"""
