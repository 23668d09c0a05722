"""The plugin as a process: its port, its threads, and its end with that of the CLI."""

import os
import select
import signal
import sys
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from trainup.core import wire
from trainup.core.project import nearest_folder
from trainup.provider.host import Host

MANY = 10_000
"""Maximum of threads, which are started on demand. With a limit that waiting runs reach, Cancel would wait for them."""


def project_folder(start: Path) -> Path:
    """The folder of Pulumi.yaml: the plugin starts in the program's folder, which is this one or one below it."""
    return nearest_folder(start) or start


def serve(engine_address: str | None, *, is_attached: bool = False, ends_with_input: bool = True) -> None:
    """Serve until standard input closes, which means that the CLI has ended.

    `is_attached`: the engine did not start this process, and nobody reads standard output after the port.
    `ends_with_input` is false where a language host started this process: it gives no standard input, and kills it.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=MANY),
        options=wire.MESSAGES_OF_ANY_LENGTH,
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Host(engine_address, project_folder(Path.cwd())), server)
    port = server.add_insecure_port("127.0.0.1:0")
    # A signal that another thread receives, or that arrives just before `select`, would not end `select`; a byte in a
    # pipe does.
    interrupted, interrupt = os.pipe()
    os.set_blocking(interrupt, False)
    signal.set_wakeup_fd(interrupt)
    signal.signal(signal.SIGINT, lambda *_: None)
    server.start()
    print(port, flush=True)
    if is_attached:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        ready, _, _ = select.select([sys.stdin, interrupted] if ends_with_input else [interrupted], [], [])
        if interrupted in ready:
            server.stop(2).wait()
            return
        if not os.read(sys.stdin.fileno(), 4096):
            return
