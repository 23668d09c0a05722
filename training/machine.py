"""What this process trains on, and its place among the processes that torchrun started."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from fastai.distributed import DistributedDL

T = TypeVar("T")


@dataclass(frozen=True)
class Machine:
    """One process of the training."""

    device: torch.device
    precision: str
    """`fp32`, or mixed: `bf16` or `fp16`."""
    rank: int
    local_rank: int
    world_size: int

    @property
    def is_main(self) -> bool:
        """The one process that speaks and writes."""
        return self.rank == 0

    @property
    def description(self) -> str:
        """Device, precision and number of processes, in words."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "the CPU, for want of a GPU"
        return f"{name}, in {self.precision}" + (f", {self.world_size} processes" if self.world_size > 1 else "")

    def say(self, line: str) -> None:
        """A line on standard output, at once, by the main process."""
        if self.is_main:
            print(line, flush=True)

    def agree(self, find_out: Callable[[], T]) -> T:
        """What the main process found out, in all processes: others may not see its files."""
        answer = [find_out() if self.is_main else None]
        if self.world_size > 1:
            torch.distributed.broadcast_object_list(answer, device=self.device)
        return cast(T, answer[0])


def join_machine() -> Machine:
    """A GPU for each process where there are GPUs, else the CPU; joins the other processes."""
    rank, local_rank, world_size = (
        int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("LOCAL_RANK", 0), ("WORLD_SIZE", 1))
    )
    device, precision = torch.device("cpu"), "fp32"
    if gpus := torch.cuda.device_count():
        if local_rank >= gpus:
            raise ValueError(f"process {local_rank} has no GPU, torch sees {gpus}: start {gpus} processes per machine")
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
        # bf16 needs no scaling of the loss, but is emulated, and slow, on older GPUs.
        precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if world_size > 1:
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        if device.type == "cpu":
            DistributedDL._broadcast = _broadcast_on_cpu
    return Machine(device, precision, rank, local_rank, world_size)


def _broadcast_on_cpu(loader: DistributedDL, indices: list[int], rank: int) -> list[int]:
    """What fastai does, less its `.cuda()`: it expects that several processes always means several GPUs."""
    shared = torch.LongTensor(indices)
    torch.distributed.broadcast(shared, rank)
    return shared.tolist()
