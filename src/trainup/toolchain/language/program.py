"""Runs one Pulumi program: the child process of the language host, which sends it a `RunRequest` on standard input."""

import os
import signal

# An interrupt during the slow imports below must end this process without a traceback.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import asyncio
import atexit
import contextlib
import json
import logging
import runpy
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pulumi
from pulumi.runtime import reset_options, set_all_config
from pulumi.runtime.proto import language_pb2
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import run_in_stack

HERE = Path(__file__).absolute().parent
sys.path.insert(0, str(HERE))  # isolated Python leaves it out; removed before the program starts

import light_outputs  # type: ignore[import-not-found]
import per_resource  # type: ignore[import-not-found]
import waiting  # type: ignore[import-not-found]

BAIL = 32
INTERRUPTED = 130


def main() -> int:
    """Run the program and report its errors as the official host does; returns the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    request = language_pb2.RunRequest.FromString(sys.stdin.buffer.read())
    _configure(request, sys.argv[1])
    entry = request.info.entry_point or "."
    os.chdir(request.info.program_directory)
    folder = os.getcwd()  # without links, as in the file names of frames
    sys.argv = [entry]
    # The program must not import modules from this folder.
    sys.path[:] = [path for path in sys.path if path != str(HERE)]
    if os.path.isdir(entry) and not os.path.exists(os.path.join(entry, "__main__.py")):
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{os.path.abspath(entry)}`")
        return BAIL

    def program() -> None:
        runpy.run_path(entry, run_name="__main__")

    per_resource.install()
    light_outputs.install(program.__code__)
    waiting.install()

    try:
        _loop(request.parallel).run_until_complete(run_in_stack(program))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except SystemExit as error:
        return _exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.UNAVAILABLE:
            return 0  # the engine is shutting down and has said why
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_traceback_of(error, folder)}")
        return BAIL
    return 0


def _configure(request: Any, engine_address: str) -> None:
    reset_options(
        project=request.project,
        stack=request.stack,
        organization=request.organization,
        monitor_address=request.monitor_address,
        engine_address=engine_address,
        parallel=request.parallel,
        preview=request.dryRun,
    )
    SETTINGS.root_directory = request.info.root_directory
    config, secret = dict(request.config), list(request.configSecretKeys)
    set_all_config(config, secret)
    # For processes that the program starts. Set here and not by the host, since `ps` would show it and Linux limits it.
    os.environ["PULUMI_CONFIG"] = json.dumps(config)
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(secret)


def _loop(parallel: int) -> asyncio.AbstractEventLoop:
    """An event loop with a thread for every resource that may be registered at the same time."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max(parallel, 1) * 4))
    # A failed program leaves futures without a reader; asyncio's messages about them do not help its author.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return loop


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1


def _traceback_of(error: BaseException, folder: str) -> str:
    """The traceback from the program's first frame on, without those of the host."""
    mine = error.__traceback__
    while mine and not _is_in_program(mine.tb_frame.f_code.co_filename, folder):
        mine = mine.tb_next
    # A program with a syntax error has no frames; the error itself names file and line.
    frames = mine if isinstance(error, SyntaxError) else mine or error.__traceback__
    return "".join(traceback.format_exception(type(error), error, frames))


def _is_in_program(file: str, folder: str) -> bool:
    """Whether a file belongs to the program: its environment and this host may lie in its folder too."""
    path = Path(file)
    return path.is_relative_to(folder) and not path.is_relative_to(sys.prefix) and not path.is_relative_to(HERE)


def _end(code: int) -> NoReturn:
    """Exit as Python does, but wait for threads only after success, and skip the interpreter's clean-up.

    The clean-up would cost each `up` 0.1 s.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine ends programs by SIGINT
    with contextlib.suppress(grpc.RpcError):  # the engine is shutting down
        per_resource.flush()
    if code == 0:
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        _end(main())
    except KeyboardInterrupt:  # before the program began, or while it was ending by itself
        _end(INTERRUPTED)
