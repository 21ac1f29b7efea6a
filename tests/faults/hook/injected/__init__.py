"""Faults to be injected into a measured environment: small patches of TensorFlow, Keras or lm, as a bad upgrade might
bring them.

after_import  the hook that applies a patch once its module is there
fault         what a fault is, and helpers that patches share
registry      all of them by name
busy_work, hang, settings, sized  what is slow, or set otherwise, and right
the others    a family of faults each, `FAULTS` at its end

Nothing outside tests knows these: the judging code must catch them without.
"""
