"""`trainup:index:Pool`: the slots of a local cluster."""

import os
import shutil
import subprocess

from trainup.core.inputs import Finding
from trainup.core.spec_keys import MAX_NODES
from trainup.core.values import Unknown, has_unknown
from trainup.jobs.local import handover
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget, end_runs_of
from trainup.jobs.target import Owner
from trainup.provider import planned_clusters
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare, recreation
from trainup.provider.input_checks import check_names, check_texts, local_workspace, owner_of

NAME_MAX = 24


class PoolHandler:
    """Inputs: `workspace`, `name`, `max_nodes`. Outputs: the inputs, and `gpus` (how many the slots share)."""

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, ("workspace", "name", "max_nodes")) + check_texts(inputs, ("workspace",))
        name, nodes = inputs.get("name"), inputs.get("max_nodes")
        if name is not None and not isinstance(name, Unknown) and not _is_name(name):
            rule = f"letters, digits and dashes, starting with a letter, at most {NAME_MAX} characters"
            findings.append(Finding("name", f"{name!r} is no name for a cluster: a name is {rule}"))
        if (
            nodes is not None
            and not isinstance(nodes, Unknown)
            and not (type(nodes) is int and 1 <= nodes <= MAX_NODES)
        ):
            rule = f"max_nodes is a whole number from 1 to {MAX_NODES}"
            findings.append(Finding("max_nodes", f"{nodes!r} is no number of nodes: {rule}"))
        return inputs, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        changes = compare(old, new, lambda name: Change.UPDATE if name == "max_nodes" else Change.REPLACE)
        if not changes and Pool(local_workspace(context, old["workspace"]), state.id).settings() is None:
            changes = recreation(context, f"cluster {state.id!r}", "gpus")
        return Difference(changes)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        if not has_unknown([inputs["name"], inputs["max_nodes"]]):
            planned_clusters.remember(context, inputs["name"], inputs["max_nodes"])
        return {**inputs, "gpus": len(_gpus())}

    def create(self, context: Context, inputs: Properties) -> State:
        return self._configure(context, inputs, owner_of(context))

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self._configure(context, inputs, owner_of(context, state.outputs.get("owner")))

    def _configure(self, context: Context, inputs: Properties, owner: Owner) -> State:
        gpus = _gpus()
        workspace = local_workspace(context, inputs["workspace"])
        workspace.create()
        pool = Pool(workspace, inputs["name"])
        settings = pool.settings()
        if settings and settings["max_nodes"] != inputs["max_nodes"] and (others := pool.owners.others(owner)):
            raise ResourceError(
                f"cluster {pool.name!r} has max_nodes {settings['max_nodes']} for {', '.join(others)}, which shares "
                f"this workspace; it cannot have {inputs['max_nodes']} as well: give this one another name"
            )
        pool.configure(inputs["max_nodes"], gpus)
        handover.wake(workspace, pool)  # there may be room for runs that wait
        pool.owners.join(owner)
        return State(inputs["name"], {**inputs, "gpus": len(gpus), "owner": owner.token})

    def read(self, context: Context, state: State) -> State | None:
        settings = Pool(local_workspace(context, state.outputs["workspace"]), state.id).settings()
        if settings is None:
            return None
        facts = {"max_nodes": settings["max_nodes"]}
        inputs = {**(state.inputs or state.outputs), **facts}
        inputs = {name: value for name, value in inputs.items() if name not in ("gpus", "owner")}
        return State(state.id, {**state.outputs, **facts, "gpus": len(settings["gpus"])}, inputs)

    def delete(self, context: Context, state: State) -> None:
        pool = Pool(local_workspace(context, state.outputs["workspace"]), state.id)
        owner = owner_of(context, state.outputs.get("owner"))
        if not pool.owners.is_last(owner):
            pool.owners.leave(owner)
            return
        if not _has_successor(pool, owner):
            # A run whose `up` was killed may be in no stack's state, and would keep its slot for ever.
            end_runs_of(LocalTarget(local_workspace(context, state.outputs["workspace"])), pool.occupied(), owner)
        if waiting := pool.occupied():
            raise ResourceError(f"cluster {state.id!r} is in use by {', '.join(waiting)}: end these runs first")
        shutil.rmtree(pool.folder, ignore_errors=True)


def _has_successor(pool: Pool, owner: Owner) -> bool:
    """Whether the resource owns a cluster of another name by now: then its runs are still declared."""
    others = (folder for folder in pool.folder.parent.glob("*") if folder != pool.folder and folder.is_dir())
    return any(Owners(folder / "owners.json").has(owner) for folder in others)


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= NAME_MAX
        and name[0].isalpha()
        and name.isascii()
        and name.replace("-", "").isalnum()
    )


def _gpus() -> list[str]:
    """The ids of this machine's NVIDIA GPUs; those in CUDA_VISIBLE_DEVICES, where that is set."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip()]
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    words = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired as error:
        raise ResourceError(f"`{' '.join(words)}` did not answer: is the driver of the GPUs sound?") from error
    return result.stdout.split() if result.returncode == 0 else []
