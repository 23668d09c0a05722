"""`trainup report`: one HTML page about the runs of a stack, for a pull request or a mail."""

from pathlib import Path

import click

from trainup.cli import stack as stacks
from trainup.cli.options import on_stack
from trainup.cli.runs import places
from trainup.core.disk import replace_file

OUT = click.Path(dir_okay=False, path_type=Path)
DEFAULT = ".trainup/reports/{stack}.html"
"""In the project's folder, where no run counts it among its code."""


@on_stack
@click.command()
@click.option("--out", metavar="FILE", type=OUT, help="default: .trainup/reports/<stack>.html")
def report(out: Path | None, stack: str) -> None:
    """Write one HTML page about the runs of the stack, and print its name.

    It needs no network and no other file: runs and trials by argument and metric, curves, what changed since the runs
    before, phases, costs and links. Texts of secrets are masked.
    """
    if out and not out.parent.is_dir():
        raise click.BadParameter(f"there is no folder {out.parent}: make it, or name another", param_hint="--out")
    from trainup.cli.report.gathering import gather
    from trainup.jobs.masking import Mask
    from trainup.report.page import page

    current, project = places.open_records(stack)
    secrets = stacks.secret_texts(stack, current)
    content = page(gather(current, project, secrets), Mask(secrets).mask_text)
    file = out or project / DEFAULT.format(stack=current.name)
    if out is None:
        file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, content, mode=0o644)
    print(file)
