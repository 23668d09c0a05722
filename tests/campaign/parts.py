"""The kinds of kills."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.campaign import (
    across_clock_jumps,
    before_destroy,
    in_state_writes,
    on_azure,
    on_engine,
    on_engine_azure,
    on_full_disk,
    over_grpc,
    while_stopped,
    with_forgetful_children,
)
from tests.campaign.tally import Tally


class Part(NamedTuple):
    """One kind of kills."""

    name: str
    run: Callable[..., Tally]
    """Of a folder, a seed and how many kills at least."""
    option: str
    kills: int
    of_1000: int
    """Its share of a long campaign."""
    few: int
    """Kills of a short one, for the tests."""
    help: str
    more: Mapping[str, str] = {}
    """What a campaign adds that has time."""


PARTS = (
    Part("gRPC", over_grpc.run, "--kills", 100, 330, 5, "over gRPC"),
    Part("Azure", on_azure.run, "--azure-kills", 100, 330, 5, "at requests to Azure"),
    Part("engine", on_engine.run, "--engine-kills", 6, 40, 1, "of the CLI and the rest", {"tracking": "server"}),
    Part("engine on Azure", on_engine_azure.run, "--azure-engine-kills", 6, 40, 1, "the same at requests to Azure"),
    Part("state writes", in_state_writes.run, "--write-kills", 6, 80, 1, "at system calls on the state"),
    Part("full disk", on_full_disk.run, "--disk-fills", 3, 40, 1, "full disks where the state is written"),
    Part("destroy", before_destroy.run, "--destroy-kills", 3, 40, 1, "in the middle of a training, then `destroy`"),
    Part("clock jumps", across_clock_jumps.run, "--clock-kills", 2, 30, 1, "with clocks that are set back and forward"),
    Part(
        "children", with_forgetful_children.run, "--children-kills", 2, 30, 1, "with children that clear all variables"
    ),
    Part("stopped", while_stopped.run, "--stops", 2, 40, 1, "of processes, by SIGSTOP"),
)
