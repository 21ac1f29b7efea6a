"""Attributes the time of a profiled step. Pure: traces in, tables out.

timeline  whose each instant was
layers    which layer of the model an operation belongs to, by its name scope
table     time by type of operation, or by layer
overhead  what recording itself cost, taken off
compare   two profiles, and what got slower
"""
