"""`trainup:index:Pool`: the slots of a local cluster."""

import shutil
import subprocess

from trainup.core.inputs import Finding
from trainup.core.values import Unknown
from trainup.jobs.local.slots import Pool
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare
from trainup.provider.places import judge_names, local_workspace

NAME_MAX = 24


class PoolHandler:
    """Inputs: `workspace`, `name`, `max_nodes`. Outputs: the same, and `gpus` (how many the slots share)."""

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = judge_names(inputs, ("workspace", "name", "max_nodes"))
        name, nodes = inputs.get("name"), inputs.get("max_nodes")
        if name is not None and not isinstance(name, Unknown) and not _is_name(name):
            rule = f"letters, digits and dashes, starting with a letter, at most {NAME_MAX} characters"
            findings.append(Finding("name", f"{name!r} is no name for a cluster: a name is {rule}"))
        if nodes is not None and not isinstance(nodes, Unknown) and (type(nodes) is not int or nodes < 1):
            findings.append(
                Finding("max_nodes", f"{nodes!r} nodes can run nothing: max_nodes is a whole number of at least 1")
            )
        return inputs, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        changes = compare(old, new, lambda name: Change.UPDATE if name == "max_nodes" else Change.REPLACE)
        return Difference(changes)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return {**inputs, "gpus": len(_gpus())}

    def create(self, context: Context, inputs: Properties) -> State:
        gpus = _gpus()
        workspace = local_workspace(context, inputs["workspace"])
        workspace.create()
        Pool(workspace, inputs["name"]).configure(inputs["max_nodes"], gpus)
        return State(inputs["name"], {**inputs, "gpus": len(gpus)})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self.create(context, inputs)

    def read(self, context: Context, state: State) -> State | None:
        settings = Pool(local_workspace(context, state.outputs["workspace"]), state.id).settings()
        if settings is None:
            return None
        facts = {"max_nodes": settings["max_nodes"]}
        inputs = {**(state.inputs or state.outputs), **facts}
        inputs.pop("gpus", None)
        return State(state.id, {**state.outputs, **facts, "gpus": len(settings["gpus"])}, inputs)

    def delete(self, context: Context, state: State) -> None:
        pool = Pool(local_workspace(context, state.outputs["workspace"]), state.id)
        if waiting := pool.occupied():
            raise ResourceError(f"cluster {state.id!r} is in use by {', '.join(waiting)}: end these runs first")
        shutil.rmtree(pool.folder, ignore_errors=True)


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= NAME_MAX
        and name[0].isalpha()
        and name.isascii()
        and name.replace("-", "").isalnum()
    )


def _gpus() -> list[str]:
    """The ids of this machine's NVIDIA GPUs."""
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    words = [program, "--query-gpu=index", "--format=csv,noheader"]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    return answer.stdout.split() if answer.returncode == 0 else []
