"""What a belief is."""

from dataclasses import dataclass

from trainup.verification.judging import Judge

NOTES = "public notes on a live subscription, 2026"


@dataclass(frozen=True)
class Belief:
    """One claim about the service."""

    name: str
    claim: str
    relied_on: str
    """Where the code relies on it: `module:function`."""
    simulated_by: str
    """What stands for it in the simulated Azure: `module:name`."""
    confirmed_by: str
    """The request and the answer that confirm it."""
    judge: Judge
    source: str = ""
    """The document or report that says so; empty for what nothing backs."""
    needs: str = ""
    """The situation in which it shows, where the journey does not bring that about."""
