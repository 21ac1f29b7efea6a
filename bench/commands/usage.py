"""What is wrong with a command line."""


class UsageError(ValueError):
    """Options that make no sense, or not together."""
