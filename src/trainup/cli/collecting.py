"""`trainup gc`: what a stack's workspace on this machine holds, and the removal of what nobody needs."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from trainup.cli import stack as stacks
from trainup.cli.options import on_stack
from trainup.cli.runs import places, shown
from trainup.cli.table import aligned
from trainup.jobs.local import holdings
from trainup.jobs.local.holdings import Holding
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import TargetError
from trainup.toolchain.paths import TOOLCHAIN

MEGABYTE = 1024**2
MANY = ("checkpoints", "record")
"""Kinds that are always needed, and shown as one line."""


@on_stack
@click.command()
@click.option("--yes", "-y", is_flag=True, help="remove what nobody needs; without it, nothing is removed")
@click.option("--dry-run", is_flag=True, help="remove nothing, the default")
@click.option("--json", "as_json", is_flag=True, help="as a list of objects, sizes in bytes")
def gc(stack: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Show what the workspace on this machine holds, with sizes, and remove what nobody needs.

    Nobody needs environments that no image and no active run uses, and what killed commands left. Records of runs, with
    logs, outputs and checkpoints, are always kept. What a workspace on Azure holds is not listed.
    """
    current, project = stacks.open_stack(stack)
    workspaces = places.workspaces(current, project)
    if not workspaces:
        raise TargetError(f"stack {current.name!r} keeps nothing on this machine: its workspace is elsewhere")
    held = [(workspace, holding) for workspace in workspaces for holding in holdings.of(workspace)]
    if TOOLCHAIN.is_dir():
        held.append((workspaces[0], Holding("tools", TOOLCHAIN, holdings.size_of(TOOLCHAIN), "tools of all stacks")))
    if as_json:
        print(json.dumps([_values(holding, project) for _, holding in held], indent=2))
    else:
        shown.show(as_table([holding for _, holding in held], project))
    unneeded = [(workspace, holding) for workspace, holding in held if not holding.needed]
    if unneeded and yes and not dry_run:
        _remove(unneeded)
    elif unneeded:
        print(f"{_size(sum(one.size for _, one in unneeded))} that nobody needs: `trainup gc --yes` removes it",
              file=sys.stderr)  # fmt: skip


def as_table(held: list[Holding], project: Path) -> str:
    """A line for each part, and the sums."""
    rows = [("KIND", "SIZE", "NEEDED", "WHAT")]
    for kind in dict.fromkeys(one.kind for one in held):
        alike = [one for one in held if one.kind == kind]
        if kind in MANY and len(alike) > 1:
            what = f"{len(alike)} in {_shown(alike[0].path.parent, project)}"
            rows.append((kind, _size(sum(one.size for one in alike)), "yes", what))
        else:
            rows += [(kind, _size(one.size), "yes" if one.needed else "no", _shown(one.path, project)) for one in alike]
    rows.append(("total", _size(sum(one.size for one in held)), "", ""))
    return aligned(rows)


def _remove(unneeded: list[tuple[Workspace, Holding]]) -> None:
    freed = 0
    for workspace, holding in unneeded:
        if holdings.remove(workspace, holding):
            freed += holding.size
        else:
            print(f"kept, since somebody uses it by now: {holding.path}", file=sys.stderr)
    print(f"{_size(freed)} removed", file=sys.stderr)


def _size(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"


def _shown(path: Path, project: Path) -> str:
    here = project.resolve()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


def _values(holding: Holding, project: Path) -> dict[str, object]:
    return {**asdict(holding), "path": _shown(holding.path, project), "is_needed": bool(holding.needed)}
