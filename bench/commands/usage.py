"""The error of a command line that makes no sense."""


class UsageError(ValueError):
    """Options that make no sense, or not together."""
