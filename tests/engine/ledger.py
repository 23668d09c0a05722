"""The runs of a project as its local workspace records them."""

from tests.support.project import Project
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import Record


def target(project: Project) -> LocalTarget:
    return LocalTarget(project.workspace)


def records(project: Project) -> list[Record]:
    """Every attempt, oldest first."""
    return sorted(target(project).records(), key=lambda record: record.created)


def latest(project: Project) -> list[Record]:
    """The last attempt of every run."""
    return list({record.run: record for record in records(project)}.values())
