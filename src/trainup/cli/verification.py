"""Commands that hold what trainup believes of Azure against a subscription."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from trainup.cli.options import on_stack
from trainup.toolchain import projects, stack_files
from trainup.toolchain.paths import ROOT

FOLDER = Path(".trainup") / "verification"
BUNDLE = "bundle.json"


@click.command()
@click.option("--all", "everything", is_flag=True, help="also those that a document or a report backs")
def beliefs(everything: bool) -> None:
    """Print what trainup believes of Azure and nothing confirms: the claim, and what would confirm it."""
    from trainup.verification import report

    print(report.beliefs(everything=everything))


@on_stack
@click.command("verify-azure")
@click.option("--folder", type=click.Path(path_type=Path), help=f"where the journey's stack lies (default: {FOLDER})")
@click.option("--replay", type=click.Path(path_type=Path), help="judge the bundle of an earlier journey; sends nothing")
@click.option("--yes", is_flag=True, help="begin without asking")
def verify_azure(stack: str, folder: Path | None, replay: Path | None, yes: bool) -> int:
    """Hold what trainup believes of Azure against the subscription of a stack.

    A small stack of its own is built, trains for seconds on the smallest CPU size, and is taken down again. The stack
    that is named tells where: subscription, region, workspace and registry. Prints `confirmed`, `wrong` or `not seen`
    for each belief, and writes a bundle without ids, names and tokens, which can be sent to the makers of trainup.

    Exit code 0: nothing is wrong. 1: something is wrong, or the journey failed.
    """
    from trainup.verification import bundle, report

    if replay:
        evidence = bundle.read(replay)
    else:
        folder = folder or ROOT / FOLDER
        evidence = _travel(stack, folder, yes)
    judgement = bundle.judge(evidence)
    print(report.verdicts(judgement))
    failed = [step for step in evidence.steps if step.exit_code]
    for step in failed:
        print(f"the step {step.name!r} ended with exit code {step.exit_code}", file=sys.stderr)
    return 1 if judgement.wrong or failed else 0


def _travel(stack: str, folder: Path, yes: bool) -> Any:
    from trainup.verification import bundle
    from trainup.verification.journey import Journey, stack_config

    file = stack_files.read(projects.read(ROOT), stack)
    config = stack_config((yaml.safe_load(file.text or "") or {}).get("config") or {})
    where = f"{config.get('azure-native:subscriptionId', 'the login')}, {config.get('azure-native:location', '')}"
    if not yes:
        text = f"Build a small stack in {where}, train for seconds on a CPU node, and take it down again?"
        click.confirm(f"{text} It takes about half an hour and costs less than one US dollar.", abort=True, err=True)
    journey = Journey(folder, config, os.environ)
    evidence = journey.perform(lambda line: print(line, file=sys.stderr, flush=True))
    bundle.write(folder / BUNDLE, evidence, journey.names())
    print(f"what was seen, without ids, names and tokens: {folder / BUNDLE}\n", file=sys.stderr)
    return evidence
