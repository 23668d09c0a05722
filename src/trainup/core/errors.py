"""The errors that users are told in a sentence: what was given, which rule it breaks and why, and what to do.

Whatever else is raised, `OSError` apart, is a mistake of trainup's own, and is told with its trace.
"""


class TrainupError(Exception):
    """The root of them. The command line, the plugin and the set-up print its message, and no trace."""


class UserError(TrainupError):
    """Who wrote the settings, the code or the files can mend it; to try again without a change is in vain."""


class ServiceError(TrainupError):
    """What trainup works with refused or failed: Azure, MLflow, this machine. The same may succeed later."""
