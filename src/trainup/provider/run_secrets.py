"""Likely secrets among the inputs of a run, which are kept in state and records, shown, and sent to Azure."""

import re

from trainup.core.input_secrets import in_values
from trainup.core.inputs import COMPUTED, Finding
from trainup.provider.handler import Properties

NOT_SEARCHED = COMPUTED | {"secrets", "allow_secrets", "run", "target", "workspace"}


def with_likely_secrets(inputs: Properties, findings: list[Finding]) -> list[Finding]:
    """The findings without the likely secrets that they repeat, and one more finding for each likely secret."""
    suspects = _secret_findings(inputs)
    properties = {finding.property for finding in suspects}
    return [_hidden(finding) if _repeats(finding, properties) else finding for finding in findings] + suspects


def _repeats(finding: Finding, properties: set[str]) -> bool:
    return re.split(r"[.[]", finding.property)[0] in properties - {"job"} or bool(in_values(finding.reason))


def _hidden(finding: Finding) -> Finding:
    reason = (
        "what is given here looks like a secret, so neither it nor what else is wrong with it is shown: take it out"
    )
    return Finding(finding.property, reason)


def _secret_findings(inputs: Properties) -> list[Finding]:
    allowed = inputs.get("allow_secrets")
    places = [place for place in allowed if isinstance(place, str)] if isinstance(allowed, list) else []
    searched = {name: value for name, value in inputs.items() if name not in NOT_SEARCHED}
    suspects = [(str(suspect.place[0]), "", suspect) for suspect in in_values(searched, places)]
    definition = inputs.get("definition") or {}
    renamed = {"command" if name == "shell_command" else name: value for name, value in definition.items()}
    suspects += [("job", f"{inputs.get('job')}: ", suspect) for suspect in in_values(renamed, places)]
    return [
        Finding(
            name,
            f"{file}{suspect.shown} looks like a secret ({suspect.kind}), which would be kept and shown as plain text: "
            "pass it through the run's `secrets` instead (the script gets it as a variable); if it is none, add "
            f'"{suspect.shown}" to `allow_secrets`',
        )
        for name, file, suspect in suspects
    ]
