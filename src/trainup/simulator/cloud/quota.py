"""The quota of the simulated subscription: cores by VM family."""

from collections import UserDict

from trainup.simulator.cloud.regions import MACHINES, plain_family

PLENTY = 100_000
"""Cores of a family without a limit of its own that needs no request."""

_GPU_FAMILIES = {plain_family(machine.family) for machine in MACHINES.values() if machine.gpus}


class Quota(UserDict[str, int]):
    """VM family → limit in cores, in any spelling of the family.

    A family without an entry has the limit of a new subscription: 0 cores with GPUs, and plenty of others.
    """

    gpu_cores: int = 0
    """Limit of the GPU families without an entry. Raise it to skip the request for quota."""

    def __setitem__(self, family: str, cores: int) -> None:
        super().__setitem__(plain_family(family), cores)

    def limit(self, family: str) -> int:
        """The limit of a family in cores."""
        plain = plain_family(family)
        return self.data.get(plain, self.gpu_cores if plain in _GPU_FAMILIES else PLENTY)
