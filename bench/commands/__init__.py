"""One module a command: its arguments, its typed request, and what it does; and what commands share.

options    groups of options, and the types that are made of them
sides      --from and --to, from words to environments
stored     reading reports, profiles and baselines
verdicts   judging, printing, exit codes
errors     errors to a line and an exit code

May import drive, judge, profile, report, record, and of lm only what needs no TensorFlow.
"""
