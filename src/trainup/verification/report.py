"""Beliefs and verdicts as text."""

from collections.abc import Iterator

from trainup.verification.beliefs.belief import Belief
from trainup.verification.beliefs.listing import BELIEFS
from trainup.verification.bundle import Judgement
from trainup.verification.judging import Outcome, Verdict


def beliefs(*, everything: bool) -> str:
    """The beliefs that nothing backs, or all of them."""
    chosen = [belief for belief in BELIEFS if everything or not belief.source]
    text = "\n\n".join("\n".join(_lines(belief)) for belief in chosen)
    backed = len(BELIEFS) - sum(not belief.source for belief in BELIEFS)
    end = "" if everything else f"\n\n{backed} more are backed by documents or reports: --all"
    return f"{text}{end}"


def _lines(belief: Belief) -> Iterator[str]:
    yield f"{belief.name}: {belief.claim}"
    yield f"  relied on by      {belief.relied_on.replace(':', ', ')}"
    yield f"  simulated by      {belief.simulated_by.replace(':', ', ')}"
    yield f"  would be confirmed by  {belief.confirmed_by}"
    yield f"  source            {belief.source or 'none'}"
    if belief.needs:
        yield f"  shows itself in   {belief.needs}"


def verdicts(judgement: Judgement) -> str:
    """A line for each belief, then the answers that are not like the simulated ones."""
    width = max(len(belief.name) for belief in BELIEFS)
    lines = [_verdict(name.ljust(width), verdict) for name, verdict in judgement.beliefs.items()]
    counts = {outcome: list(judgement.answers.values()) for outcome in Outcome}
    told = ", ".join(
        f"{sum(verdict.outcome is outcome for verdict in answers)} {outcome}" for outcome, answers in counts.items()
    )
    lines += ["", f"answers of the simulated Azure: {told}"]
    lines += [
        f"  {route}: {verdict.seen}" for route, verdict in judgement.answers.items() if verdict.outcome is Outcome.WRONG
    ]
    return "\n".join(lines)


def _verdict(name: str, verdict: Verdict) -> str:
    return f"{name}  {verdict.outcome:<9}  {verdict.seen}".rstrip()
