"""`trainup roles`: the least roles that a stack's graph needs, for the administrator who grants them."""

import json
import shutil
from collections.abc import Sequence
from itertools import groupby

import click

from trainup.cli import bicep, grants
from trainup.cli.options import on_stack
from trainup.cli.planning.texts import wrapped
from trainup.core.errors import UserError
from trainup.core.role_needs import Need, Who
from trainup.core.roles import Role
from trainup.toolchain.paths import ROOT

NEW_IDENTITY = (
    "The identity of the nodes is new, so `up` itself has to assign its roles. Where the deployer shall have no right "
    "to assign any, attach to a workspace and a cluster that exist (trainup:workspace.id, trainup:cluster.id)."
)
ACCESS_LATER = (
    "The roles of those in trainup:access are on resources that `up` creates. They can also be granted afterwards, by "
    "an administrator: then leave trainup:access out."
)
BEFOREHAND = (
    "What `up` assigns on resources that exist already may be granted beforehand: `up` finds it and leaves it as it "
    "is. `trainup roles --az` lists the commands."
)


@on_stack
@click.command()
@click.option("--az", "form", flag_value="az", help="as commands of the Azure CLI, for a shell")
@click.option("--bicep", "form", flag_value="bicep", help="as a Bicep file, for `az deployment sub create`")
@click.option("--json", "form", flag_value="json", help="as a list of objects")
@click.option("--deployer", metavar="ID", default="", help="object id of who deploys, for --az and --bicep")
def roles(stack: str, form: str | None, deployer: str) -> None:
    """Print the least roles that the stack needs: whose, on what, for which resource, and why.

    They are derived from the stack's settings; Azure is not asked, and nothing is granted.
    """
    # Imported here, since they import Pulumi's SDK, which is slow.
    from trainup.infra import azure_roles, offline

    needs = azure_roles.needed_by(offline.settings_of(ROOT, stack))
    if form == "json":
        print(json.dumps([grants.as_object(need) for need in needs], indent=2))
    elif not needs:
        text = f"stack {stack!r} runs on this machine, and needs no roles"
        if form:
            raise UserError(text)
        print(text)
    elif form:
        print({"az": grants.as_commands, "bicep": bicep.as_file}[form](needs, stack, deployer))
    else:
        print(as_text(needs, stack, shutil.get_terminal_size().columns))


def as_text(needs: Sequence[Need], stack: str, width: int) -> str:
    """The roles as text for a terminal of so many columns."""
    lines = [f"The least roles for stack {stack!r}:"]
    for heading, group in groupby(needs, heading_of):
        lines += ["", *_wrapped(heading, width)]
        for need in group:
            lines += ["", *_wrapped(need.role.shown + (" (optional)" if need.is_optional else ""), width, "  ")]
            scope = f"{need.place.noun} {need.place.id}".strip()
            lines += _wrapped(f"on   {scope}", width, "    ")
            lines += _wrapped(f"for  {', '.join(need.resources)}: {need.why}", width, "    ")
    for note in notes(needs):
        lines += ["", *_wrapped(note, width)]
    return "\n".join(lines)


def heading_of(need: Need) -> str:
    """Whose role it is, and who grants it when."""
    if need.who is Who.DEPLOYER:
        return "WHO DEPLOYS: granted before the first `up` by somebody who may assign roles, such as an Owner"
    if need.who is Who.NODES:
        return "THE NODES: `up` assigns these to their identity"
    if need.who is Who.ENDPOINTS:
        return "THE ENDPOINTS: Azure ML assigns these to the identity of each, in the name of who deploys"
    if need.by_up:
        return f"WHO SUBMITS RUNS: `up` assigns these to {need.principal} of trainup:access"
    if need.role is Role.READER:
        return "WHO SUBMITS RUNS WITHOUT DEPLOYING, in addition: granted by an administrator"
    when = "before the first `up`" if need.may_exist else "once `up` has created the resources"
    return (
        f"WHO SUBMITS RUNS, who deploys included: trainup:access names nobody, so an administrator grants these {when}"
    )


def notes(needs: Sequence[Need]) -> list[str]:
    """What an administrator may do in place of `up`, and what nobody else can do."""
    by_up = [need for need in needs if need.by_up]
    result = []
    if any(need.who is Who.NODES and not need.principal_of for need in by_up):
        result.append(NEW_IDENTITY)
    if any(need.who is Who.SUBMITTER and not need.may_exist for need in by_up):
        result.append(ACCESS_LATER)
    if any(need.may_exist for need in by_up):
        result.append(BEFOREHAND)
    return result


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    hanging = indent + ("     " if text.startswith(("on   ", "for  ")) else "")
    return wrapped(text, max(width, 40), indent, hanging)
