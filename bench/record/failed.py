"""The error of a measurement that could not be made."""


class FailedError(RuntimeError):
    """Nothing could be measured, through no fault of the command line: exit code 4."""
