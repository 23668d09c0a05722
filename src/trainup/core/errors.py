"""Errors whose message users read: it names the value, the rule that it breaks and why, and what to do.

Any other exception, except `OSError`, is a bug of trainup, and is reported with its trace.
"""


class TrainupError(Exception):
    """The root of all errors for users. Command line, plugin and set-up print its message without a trace."""


class UserError(TrainupError):
    """The user can mend it, in the settings, the code or the files; a retry without a change fails again."""


class ServiceError(TrainupError):
    """Something that trainup uses refused or failed: Azure, MLflow, this machine. A retry may succeed."""
