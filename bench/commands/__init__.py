"""What each command of the command line does: one module a command, `main(options) -> exit code`; and what they share.

May import drive, judge, profile, report, record, and of lm only what needs no TensorFlow: config, corpus, ptb, download.
"""
