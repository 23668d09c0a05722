"""Reads `early_termination`: when a trial that does badly is ended."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from trainup.core.input_values import Invalid, Whole
from trainup.core.sweeps.declaration import Bandit, MedianStopping, Policy, TruncationSelection
from trainup.core.sweeps.findings import Finding
from trainup.core.sweeps.reading import Keys, named, positive

PLACE = ("early_termination",)
MOST_INTERVALS = 1_000_000


class Type(StrEnum):
    """The policies of Azure ML."""

    BANDIT = "bandit"
    MEDIAN_STOPPING = "median_stopping"
    TRUNCATION_SELECTION = "truncation_selection"


ARGUMENTS = {
    Type.BANDIT: ("slack_factor", "slack_amount"),
    Type.MEDIAN_STOPPING: (),
    Type.TRUNCATION_SELECTION: ("truncation_percentage",),
}
COMMON = ("type", "evaluation_interval", "delay_evaluation")


def parse_policy(given: Any, findings: list[Finding]) -> Policy | None:
    """The policy; None with a finding."""
    before = len(findings)
    kind = None
    if isinstance(given, Mapping):
        try:
            kind = named(Type, "policy of early termination")(given.get("type"))
        except Invalid as error:
            findings.append(Finding((*PLACE, "type"), str(error)))
            return None
    keys = Keys(PLACE, given, (*COMMON, *(ARGUMENTS[kind] if kind else ())), findings, kind or "early termination")
    interval = keys.value("evaluation_interval", Whole(1, MOST_INTERVALS, "trials are judged at every so many values"))
    delay = keys.value("delay_evaluation", Whole(0, MOST_INTERVALS, "no trial is judged before so many values"))
    common: dict[str, Any] = {"evaluation_interval": interval or 1, "delay_evaluation": delay or 0}
    policy: Policy = MedianStopping(**common)
    if kind is Type.BANDIT:
        policy = Bandit(**_slack(keys), **common)
    elif kind is Type.TRUNCATION_SELECTION:
        percentage = keys.value(
            "truncation_percentage", Whole(1, 99, "how many of a hundred trials end"), "it says how many trials end"
        )
        policy = TruncationSelection(**common, truncation_percentage=percentage or 1)
    return policy if len(findings) == before else None


def _slack(keys: Keys) -> dict[str, Any]:
    names = ARGUMENTS[Type.BANDIT]
    given = [name for name in names if name in keys]
    if len(given) == 2:  # a file that Azure ML's client wrote has 0 for the one that is not set
        given = [name for name in given if keys.plain(name) != 0] or given
    if len(given) != 1:
        how = "both are given" if given else "neither is"
        keys.problem((), f"bandit has either `slack_factor` or `slack_amount`, how far from the best is allowed; {how}")
    return {name: keys.value(name, positive) for name in given}
