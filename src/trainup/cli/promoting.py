"""`trainup promote dev prod`: the model that is live in one stack becomes that of another, by one line in its file."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from trainup.cli import stack as stacks
from trainup.cli.comparison import NOTHING, metric_rows
from trainup.cli.planning.texts import table
from trainup.core.errors import TrainupError, UserError
from trainup.core.models import ModelVersion, from_wire
from trainup.core.suggest import unknown
from trainup.jobs.models.registry import Reference, parse_reference
from trainup.jobs.targets import registry_of
from trainup.toolchain import projects, stack_files

END = "-model-version"
"""What the name of the resource of a model adds to the name in the settings."""


class NothingToPromote(UserError):
    """The stack has no such model, or nothing is live."""


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.argument("model", required=False)
@click.option("--dry-run", is_flag=True, help="only show what would be written")
def promote(source: str, destination: str, model: str | None, dry_run: bool) -> None:
    """Write into Pulumi.<TO>.yaml that its MODEL is the version which is live in the stack FROM.

    That is one line for each model, to be reviewed and committed; `git revert` takes it back. Nothing trains: the next
    `trainup up` of TO takes over the files and the image as they are. A model without a gate has its last version.
    """
    state, project = stacks.open_stack(source)
    versions = _versions(state, source)
    if model is not None and model not in versions:
        raise NothingToPromote(unknown(model, versions, f"{source} has no model {model!r}"))
    file = stack_files.read(projects.read(project), destination)
    if file.text is None:
        raise NothingToPromote(f"there is no {file.path.name}: `trainup stack {destination}` makes a stack")
    text = file.text
    for name in [model] if model else sorted(versions):
        inputs, version = versions[name]
        reference = str(Reference(str(inputs["workspace"]), version.name, version.version))
        before = stack_files.StackFile(file.path, text, file.project).promoted(name)
        if before == reference:
            print(f"{name}: is {reference} already, so nothing is written")
            continue
        print(f"{name}: was {before or 'nothing'}\n  becomes {reference}")
        text = stack_files.StackFile(file.path, text, file.project).with_promoted(name, reference)
        for line in _compared(_known(before, inputs, project), version):
            print(line)
    if text == file.text:
        return
    if dry_run:
        print("nothing is written (--dry-run)")
        return
    stack_files.write(file.path, text)
    print(f"written: {file.path.name}")
    print(f"next: commit it, then `trainup up --stack {destination}`; nothing trains", file=sys.stderr)


def _versions(state: stacks.Stack, source: str) -> dict[str, tuple[dict[str, Any], ModelVersion]]:
    """Model, as the settings call it → where its registry is, and the version that is live, or else the last one."""
    found: dict[str, tuple[dict[str, Any], ModelVersion]] = {}
    gates = {
        str(one["inputs"].get("model")): one["outputs"]["live"]
        for one in state.resources
        if one["type"] == stacks.GATE_TYPE and "live" in (one.get("outputs") or {})
    }
    for one in state.resources:
        outputs = one.get("outputs") or {}
        if one["type"] == stacks.MODEL_TYPE and not one.get("delete") and "registered" in outputs:
            name = str(one["urn"]).rpartition("::")[2].removesuffix(END)
            version = from_wire(gates.get(str(one["inputs"]["model"]), outputs["registered"]))
            if not version.version:
                raise NothingToPromote(f"no version of the model {name} is live in {source}: `trainup up` tells why")
            found[name] = one["inputs"], version
    if not found:
        raise NothingToPromote(f"{source} has no model: declare one in its trainup:models, and deploy it")
    return found


def _known(reference: str | None, inputs: Mapping[str, Any], project: Path) -> ModelVersion | None:
    """The version that was promoted before; None where it cannot be read."""
    if reference is None:
        return None
    try:
        place = parse_reference(reference)
        return registry_of({**inputs, "workspace": place.workspace}, project).find(place.name, place.version)
    except (TrainupError, ValueError) as error:
        print(f"  its metrics are not known: {error}")
        return None


def _compared(before: ModelVersion | None, now: ModelVersion) -> list[str]:
    """The facts and metrics of both versions, side by side."""
    rows: list[tuple[str, ...]] = [("", before.version if before else NOTHING, now.version, "DIFFERENCE")]
    for label in ("run", "commit"):
        rows.append((label, (getattr(before, label) if before else "") or NOTHING, getattr(now, label) or NOTHING, ""))
    rows += metric_rows(before.metrics if before else {}, now.metrics)
    return [f"  {line}".rstrip() for line in table(rows, shutil.get_terminal_size().columns - 2)]
