"""Attributes the time of a profiled step. Pure: traces in, tables out.

timeline     attributes each instant to the operations running then
layers       which layer of the model an operation belongs to, by its name scope
table        time by type of operation, or by layer
overhead     what recording itself cost, taken off
compare      two profiles, and what got slower
fingerprint  what a call executes, without its times
"""
