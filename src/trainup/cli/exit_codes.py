"""The exit codes of `trainup`, by which scripts tell failures apart."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What became of a command. One that a signal interrupted has 128 and the signal's number, as in shells."""

    DONE = 0
    FAILED = 1
    """Infrastructure or a service failed, or anything that has no code of its own."""
    REFUSED = 2
    """The command line or the configuration is wrong, and nothing was changed."""
    TRAINING_FAILED = 3
    """A run failed in its training; everything else is as declared."""
    GATE_REFUSED = 4
    """A gate refused its candidate; what is live stayed so, and everything else is as declared."""
    INTERRUPTED = 130
    """Ctrl-C; runs go on, and the next `up` attaches to them."""


EXIT_CODES = (
    "Exit codes: 0 done; 1 infrastructure or a service failed; 2 the command line, the configuration or a file is "
    "wrong, and nothing was changed; 3 a run failed in its training; 4 a gate refused its candidate, and what is live "
    "stays; 128 and the signal's number when interrupted, 130 for Ctrl-C: then runs go on, and the next `up` attaches "
    "to them."
)
"""The same for `trainup --help`."""
