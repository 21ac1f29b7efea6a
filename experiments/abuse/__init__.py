"""Interrupts real runs and damages stored files at random, and counts what is lost (docs/reliability.md).

- `mutations`: bytes and JSON made wrong; `stored`: the kinds of stored files and the commands that read them
- `archives`: hostile archives and names; `files`: draws wrong files, and what a command says of each
- `scenarios`: what is done to processes, disks, locks and clocks; `processes`: does it; `left`: looks at what is left
- `outcomes`: what was found, draw by draw, and the tables that are made of it
"""
