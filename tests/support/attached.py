"""Stacks that attach to a workspace which exists: quickly deployed, and nothing else is in the way."""

from contextlib import ExitStack
from typing import Any

from tests.support.azure import Cloud
from tests.support.inline import Inline, inline
from tests.support.project import STACK, Project
from trainup.infra.azure import NOBODY
from trainup.simulator.cloud.sample import Sample, furnish

ML = "Microsoft.MachineLearningServices/workspaces"
FOUND = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai@sha256:" + "c" * 64}


class Place:
    """An Azure with such a workspace, and the stacks on it."""

    def __init__(self, cloud: Cloud, exits: ExitStack) -> None:
        self.cloud, self.azure, self._exits = cloud, cloud.azure, exits
        self.azure.subscription = NOBODY
        self.sample: Sample = furnish(cloud.azure)
        self.project: Project

    def prepare(self, called: str = STACK, **sections: Any) -> Project:
        """The project of a stack of these sections, not yet deployed."""
        given = {"workspace": {"id": self.sample.workspace}, "image": FOUND, "cluster": {"id": self.sample.cluster}}
        given = {**given, "runs": {}, **sections}
        given = {name: value for name, value in given.items() if value is not None}
        self.project = self.cloud.stack("dev", called, **given)
        return self.project

    def stack(self, called: str = STACK, **sections: Any) -> Inline:
        """The same, to be driven from this process."""
        return self._exits.enter_context(inline(self.prepare(called, **sections)))

    def deploy(self, **sections: Any) -> Inline:
        """The same, deployed, and unchanged the second time."""
        stack = self.stack(**sections)
        stack.up()
        assert stack.plan() == {}
        return stack

    @property
    def environment(self) -> dict[str, Any]:
        """The environment version that the stack made."""
        return dict(self.version["properties"])

    @property
    def version(self) -> dict[str, Any]:
        """The same as Azure has it."""
        found = self.azure.resources(f"{ML}/environments/versions")
        (made,) = [item for item in found if item["id"] != self.sample.environment]
        return made

    def image(self, folder: str, dockerfile: str) -> None:
        """A folder to build from."""
        path = self.project.folder / folder
        path.mkdir(exist_ok=True)
        (path / "Dockerfile").write_text(dockerfile)
