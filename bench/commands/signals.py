"""Signals that end a command as Ctrl-C does."""

import signal
from typing import Any

# CI cancels a job by the first; a terminal that is closed, or a connection to it that breaks, sends the second.
ENDING = (signal.SIGTERM, signal.SIGHUP)


def interrupt_by_ending_signals() -> dict[signal.Signals, Any]:
    """Has them raise KeyboardInterrupt, but one that is ignored (nohup). Returns their handlers from before."""
    signals = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, signal.default_int_handler) for number in signals}
