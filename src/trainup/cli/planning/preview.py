"""Runs one preview of a stack, and reads what it says."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainup.cli.stack import StackError
from trainup.cli.terminal.events import uncolored
from trainup.core import facts as facts_words
from trainup.jobs.facts import report
from trainup.toolchain import attached, environment, setting_up, stacks

WORDS = ("preview", "--json", "--show-sames", "--non-interactive")
UNCHANGED = "same"
ACTIONS = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "delete": "delete",
    "read": UNCHANGED,
    "refresh": UNCHANGED,
    UNCHANGED: UNCHANGED,
}
"""Operation of the engine → what people call it."""
SAY_NOTHING = ("preview failed", "update failed")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Step:
    """One resource of the stack, and what would become of it."""

    urn: str
    action: str
    """`create`, `update`, `replace`, `delete` or `same`."""
    changes: tuple[str, ...] = ()
    """The paths of the inputs and outputs that differ; no values."""
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The inputs that the preview has checked; secrets and unknown values are Pulumi's marks."""
    is_component: bool = False

    @property
    def type(self) -> str:
        """Type token of the resource."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def name(self) -> str:
        """Its name in the program."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Diagnostic:
    """A message of the preview that stays."""

    severity: str
    """`info`, `warning` or `error`."""
    urn: str
    """Of the resource; empty for a message about none."""
    message: str

    @property
    def resource(self) -> str:
        """Name of the resource."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Preview:
    """The result of a preview."""

    steps: Sequence[Step] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """URN → what the plugin told of the resource (`jobs/facts/report.py`)."""
    diagnostics: Sequence[Diagnostic] = ()
    findings: Sequence[str] = ()
    """Why it failed; empty for one that succeeded."""

    @property
    def counts(self) -> dict[str, int]:
        """Action → number of resources, components apart."""
        counted = Counter(step.action for step in self.steps if not step.is_component)
        return {action: counted[action] for action in dict.fromkeys(ACTIONS.values()) if counted[action]}


def run(stack: str, *, with_lines: bool) -> Preview:
    """Preview the stack; `with_lines` asks for the changed lines of files. Raises SetupError, StackError."""
    cli = setting_up.cli()
    variables = os.environ | environment.variables(cli, stack, is_local=stacks.is_local(stack))
    prepared = stacks.prepare(stack, variables, WORDS)
    words = [facts_words.JSON, *([facts_words.LINES] if with_lines else [])]
    variables = prepared.variables(variables) | {facts_words.VARIABLE: " ".join(words)}
    variables = attached.with_plugin(prepared.file, WORDS[0], variables)
    command = [str(cli.path), *prepared.words(WORDS)]
    process = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, umask=stacks.PRIVATE)
    return parse(process.stdout, process.stderr, process.returncode)


def parse(output: str, errors: str, code: int) -> Preview:
    """The preview that printed this. Raises StackError where that is neither a plan nor a reason."""
    try:
        content = json.loads(output)
    except ValueError:
        if code == 0:
            raise StackError(f"`pulumi {' '.join(WORDS)}` printed no plan: {_plain(output) or 'nothing'}") from None
        return Preview(findings=(_plain(errors) or _plain(output) or f"the preview ended with exit code {code}",))
    facts, diagnostics = _messages(content.get("diagnostics") or [])
    errors_told = [item.message.removeprefix("Preview failed: ") for item in diagnostics if item.severity == "error"]
    # The engine adds to each reason that the preview failed.
    findings = [text for text in errors_told if text not in SAY_NOTHING] or errors_told
    if code and not findings:
        findings = [_plain(errors) or f"the preview ended with exit code {code}"]
    return Preview(
        tuple(_steps(content.get("steps") or [])),
        facts,
        tuple(item for item in diagnostics if item.severity != "error"),
        tuple(dict.fromkeys(findings)),
    )


def _steps(raw: Sequence[Mapping[str, Any]]) -> list[Step]:
    """One step for each resource: a replacement is several operations of the engine."""
    steps: dict[str, Step] = {}
    for item in raw:
        urn = item["urn"]
        state = item.get("newState") or item.get("oldState") or {}
        known = steps.get(urn)
        if known and known.action != UNCHANGED:
            continue
        steps[urn] = Step(
            urn,
            ACTIONS.get(item["op"], item["op"]),
            tuple(item.get("diffReasons") or ()),
            state.get("inputs") or {},
            not state.get("custom", True),
        )
    return list(steps.values())


def _messages(raw: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Mapping[str, Any]], list[Diagnostic]]:
    facts: dict[str, Mapping[str, Any]] = {}
    diagnostics = []
    for item in raw:
        text, urn = str(item.get("message", "")), str(item.get("urn", ""))
        if (told := report.parse(text)) is not None:
            facts[urn] = told
        elif plain := _plain(text):
            diagnostics.append(Diagnostic(str(item.get("severity", "info")), urn, plain))
    return facts, list(dict.fromkeys(diagnostics))


def _plain(text: str) -> str:
    """A message without the engine's marks of colours and its word for the severity, which stands beside it."""
    return re.sub(r"^(warning|error): ", "", _COLOR.sub("", uncolored(text)).strip())
