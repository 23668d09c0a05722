"""Waits for a program's calls and outputs in time that grows linearly with their number.

The SDK's `wait_for_rpcs` calls `asyncio.wait` on all outputs each time that one of them completes, which is quadratic:
300 runs that end one after the other cost 20 s of computing (pulumi 3.245).
"""

import asyncio

from pulumi.runtime import stack
from pulumi.runtime.settings import SETTINGS, _get_rpc_manager

_wait_for_calls = stack.wait_for_rpcs


async def wait_for_rpcs(await_all_outstanding_tasks: bool = True) -> None:
    """Replaces the SDK's function: waits for calls, then for outputs, until neither has started another."""
    await _wait_for_calls(await_all_outstanding_tasks=False)
    if not await_all_outstanding_tasks:
        return
    ended: asyncio.Queue[asyncio.Future[object]] = asyncio.Queue()
    watched: set[asyncio.Future[object]] = set()
    while True:
        with SETTINGS.lock:
            outputs = list(SETTINGS.outputs)
            SETTINGS.outputs.clear()
        for output in outputs:
            if output not in watched:
                watched.add(output)
                output.add_done_callback(ended.put_nowait)
        if watched:
            output = await ended.get()
            while True:
                watched.remove(output)
                output.result()  # its exception is the program's
                if ended.empty():
                    break
                output = ended.get_nowait()
        elif _get_rpc_manager().rpcs:
            await _wait_for_calls(await_all_outstanding_tasks=False)
        elif not SETTINGS.outputs:
            return


def install() -> None:
    """Make the SDK use this function."""
    stack.wait_for_rpcs = wait_for_rpcs
