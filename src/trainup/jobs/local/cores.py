"""The processors of this machine, shared among the slots of a cluster as its GPUs are.

Without that, runs side by side fight over them: each process starts as many threads as the machine has processors, and
two runs together took three times as long as one after the other.
"""

import os
from collections.abc import Container, Iterable, Sequence

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables that set the number of threads of numerical libraries; PyTorch reads the first two."""


def usable() -> tuple[int, ...]:
    """The numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def share(processors: Sequence[int], slots: Iterable[int], max_nodes: int) -> tuple[int, ...]:
    """The processors that belong to these slots of a cluster with `max_nodes`: neighbours, and never none.

    With more slots than processors, several slots have the same one.
    """
    count = len(processors)
    own: set[int] = set()
    for slot in slots:
        first, end = slot * count // max_nodes, (slot + 1) * count // max_nodes
        own.update(processors[first : max(end, first + 1)])
    return tuple(sorted(own)) or tuple(processors)


def thread_variables(processors: int, processes: int, variables: Container[str]) -> dict[str, str]:
    """Variables that keep each process of a run to its part of the processors; none if `variables` has one of them."""
    threads = str(max(1, processors // processes))
    return {} if any(name in variables for name in THREAD_VARIABLES) else dict.fromkeys(THREAD_VARIABLES, threads)
