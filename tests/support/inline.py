"""The program in the test's own process, under the real engine: the SDKs are imported once, not for every command."""

import os
import runpy
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from pulumi import automation
from pulumi.runtime import settings

from tests.support.project import Project
from trainup.core import wire

UPDATED, CREATED, DELETED = "updated", "created", "deleted"
NEW_FIRST, OLD_FIRST = "replaced, the new one first", "replaced, the old one first"
OURS = {f"trainup:index:{kind}" for kind in ("Grant", "Image")}
"""The provider's own kinds that an edit of a platform can change; others of these names are components."""
_PLAIN = {"update": UPDATED, "create": CREATED, "delete": DELETED}


class Inline:
    """A deployed project, previewed quickly."""

    def __init__(self, project: Project, program: Path) -> None:
        self._stack = automation.select_stack(
            project.stack,
            project_name="trainup",
            program=lambda: _run(project.folder, program),
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(project.folder),
                env_vars=dict(project.environment),
                pulumi_command=automation.PulumiCommand(root=_root_of_cli(project.environment["PATH"])),
            ),
        )

    def up(self, *, unchanged: bool = False) -> str:
        """Deploy; what the CLI printed. Fails the test where that fails, or where something changes that must not."""
        return self._done(lambda: str(self._stack.up(expect_no_changes=unchanged).stdout))

    def failed(self) -> str:
        """What the CLI says about a deployment that has to fail."""
        with pytest.raises(automation.CommandError) as caught:
            self._stack.up()
        return str(caught.value)

    def refresh(self) -> None:
        """Take over what happened elsewhere; nothing is expected to."""
        self._done(lambda: str(self._stack.refresh(expect_no_changes=True).stdout))

    def destroy(self) -> None:
        """Take everything down."""
        self._done(lambda: str(self._stack.destroy().stdout))

    def _done(self, action: Callable[[], str]) -> str:
        try:
            return action()
        except automation.CommandError as error:
            text = str(error)
        pytest.fail(text, pytrace=False)

    def refused(self) -> str:
        """What the CLI says about a preview that has to fail."""
        with pytest.raises(automation.CommandError) as caught:
            self._stack.preview()
        return str(caught.value)

    def plan(self) -> dict[str, str]:
        """Resource → what an `up` would do to it, where it would do anything; components apart."""
        found: dict[str, list[str]] = {}

        def listen(event: automation.EngineEvent) -> None:
            metadata = event.resource_pre_event and event.resource_pre_event.metadata
            if metadata and metadata.op not in ("same", "read", "refresh"):
                found.setdefault(metadata.urn, []).append(str(metadata.op.value))

        self._stack.preview(on_event=listen)
        return {_name(urn): _outcome(operations) for urn, operations in found.items() if _is_resource(urn)}


def _is_resource(urn: str) -> bool:
    """Whether it is more than a component."""
    kind = urn.split("::")[2].rsplit("$", 1)[-1]
    return kind in OURS or not kind.startswith(("trainup:index:", "pulumi:"))


def _name(urn: str) -> str:
    """The logical name; what the daemon builds is told from what the registry builds."""
    kind, name = urn.split("::")[2].rsplit("$", 1)[-1], urn.rsplit("::", 1)[1]
    return f"{name} by docker" if kind.startswith("docker:") else name


def _root_of_cli(path: str) -> str:
    """The folder whose `bin` holds the CLI."""
    program = shutil.which("pulumi", path=path)
    assert program
    return str(Path(program).parent.parent)


def _outcome(operations: list[str]) -> str:
    if len(operations) == 1:
        return _PLAIN.get(operations[0], operations[0])
    created, deleted = operations.index("create-replacement"), operations.index("delete-replaced")
    return NEW_FIRST if created < deleted else OLD_FIRST


def _run(root: Path, program: Path) -> None:
    settings.SETTINGS.root_directory = str(root)  # the Automation API leaves it out
    with chdir(program):
        runpy.run_path(str(program), run_name="__main__")


@contextmanager
def inline(project: Project) -> Iterator[Inline]:
    """The project's own program, in this process; the process' environment is the project's for the time of it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(project.environment):
            patch.delenv(name)
        for name, value in project.environment.items():
            patch.setenv(name, value)
        # This process sees many engines, and some get the port of an earlier one.
        patch.setattr(settings, "_GRPC_CHANNEL_OPTIONS", [*settings._GRPC_CHANNEL_OPTIONS, *wire.CHANNEL])
        yield Inline(project, project.folder / "infra")
