"""`trainup plan`: what the next `up` would do, why, and what it uploads."""

import json
import shutil
import sys

import click

from trainup.cli.options import on_stack


@on_stack
@click.command()
@click.option("--json", "as_json", is_flag=True, help="as one JSON object, for programs")
@click.option("--markdown", "as_markdown", is_flag=True, help="as Markdown, for a pull request")
@click.option("--diff", "with_lines", is_flag=True, help="also the changed lines of files, where they are at hand")
def plan(stack: str, as_json: bool, as_markdown: bool, with_lines: bool) -> None:
    """Show what `up` would do: resources, why runs train again, and what is uploaded. Changes nothing."""
    from trainup.cli.planning import markdown, preview, texts
    from trainup.cli.planning.plan import plan_of

    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown exclude each other: choose one of them")
    result = plan_of(preview.run(stack, with_lines=with_lines), stack)
    if as_json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    elif as_markdown:
        print(markdown.as_markdown(result))
    else:
        print(texts.as_text(result, shutil.get_terminal_size().columns))
    if not result["ok"]:
        sys.exit(1)
