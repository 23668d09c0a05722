"""Why a folder cannot become a snapshot."""

from collections.abc import Sequence

from trainup.core.errors import UserError

MOST_SHOWN = 50


class SnapshotError(UserError):
    """The source folder cannot be sent as it is; `problems` holds every finding, each with its way out."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        shown = self.problems[:MOST_SHOWN]
        if len(self.problems) > MOST_SHOWN:
            shown.append(f"… and {len(self.problems) - MOST_SHOWN} more")
        super().__init__("\n".join(shown))
