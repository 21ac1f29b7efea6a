"""The frozen types that pass from stage to stage, and their JSON.

Imports the standard library only; all stages import it.
"""
