"""Opens the target that the inputs of a run name."""

import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from trainup.core import suggest
from trainup.core.clusters import ClusterStatus
from trainup.core.targets import DEFAULT, TARGETS
from trainup.core.trials import Trial
from trainup.core.values import reveal
from trainup.jobs.job_inputs import Inputs
from trainup.jobs.target import Job, Owner, Target, TargetError

if TYPE_CHECKING:
    from trainup.jobs.models.registry import ModelRegistry

Resource = Mapping[str, Any]
"""A resource in a stack's state."""


class Opening(Protocol):
    """What `jobs/<target>/opening.py` declares. It loads what the target needs only when it is called."""

    @property
    def request_of(self) -> Callable[[Job, Inputs, Path], dict[str, Any]] | None:
        """The request that would start a job, with nothing written anywhere; None where no request is sent."""
        ...

    @property
    def draft_of(self) -> Callable[[Inputs, Path, Owner, Trial | None], dict[str, Any]] | None:
        """That request for inputs of which some are unknown until the stack is deployed, with marks in their places."""
        ...

    def open_target(
        self,
        inputs: Inputs,
        project: Path,
        secrets: Mapping[str, str],
        progress: Callable[[str], None],
        stop: threading.Event | None,
    ) -> Target:
        """The target of a run, as `target_of` returns it; `secrets` are masked in what it prints."""
        ...

    def has(self, inputs: Inputs, code: str | None, data: Sequence[Mapping[str, Any]]) -> list[bool | None]:
        """Whether the workspace has the code with this hash of Azure ML's, and each of these data inputs, by absolute
        paths; None for what cannot be told. One read request each. Raises TargetError.

        What is not uploaded at all, since runs work on this machine, is None.
        """
        ...

    def open_models(
        self, inputs: Inputs, project: Path, progress: Callable[[str], None], stop: threading.Event | None
    ) -> "ModelRegistry":
        """The model registry of the workspace in the inputs. Raises TargetError."""
        ...

    def cluster_statuses(
        self, resources: Sequence[Resource], platform: Mapping[str, Any], project: Path
    ) -> list[ClusterStatus]:
        """How the clusters in a stack's state are doing; `platform` is its output of that name."""
        ...


def opening_of(name: str) -> Opening:
    """The `Opening` of a target. Raises TargetError if there is no target of this name."""
    if name not in TARGETS:
        raise TargetError(suggest.unknown(name, TARGETS, f"there is no target {name!r}"))
    return cast(Opening, import_module(f"trainup.jobs.{name}.opening"))


def target_of(
    inputs: Inputs,
    project: Path,
    progress: Callable[[str], None] = lambda text: None,
    stop: threading.Event | None = None,
) -> Target:
    """The target of a run; opening it writes nothing, and may begin a login. After `stop` is set, it starts nothing."""
    secrets = {name: value for name, value in reveal(inputs.get("secrets") or {}).items() if isinstance(value, str)}
    return opening_of(inputs.get("target") or DEFAULT).open_target(inputs, project, secrets, progress, stop)


def registry_of(
    inputs: Inputs,
    project: Path,
    progress: Callable[[str], None] = lambda text: None,
    stop: threading.Event | None = None,
) -> "ModelRegistry":
    """The model registry of the workspace in some inputs; opening it requests nothing. After `stop` nothing waits."""
    return opening_of(str(inputs.get("target") or DEFAULT)).open_models(inputs, project, progress, stop)
