"""The Python language host for a CLI that was built from its Go module, which comes without one.

The engine starts it with its own address as the last word, reads the port from the first line of standard output and
asks it to run programs (`Run`) and plugins (`RunPlugin`). It behaves like the official host, except that it does not
prepare environments (`uv sync`, type checkers, lists of plugins): `make setup` has done so.
"""

import os
import signal

# An interrupt during the slow imports below must end this process without a traceback.
signal.signal(signal.SIGINT, lambda *_: os._exit(0))

import importlib.util
import platform
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import grpc
from google.protobuf import empty_pb2


def _without_the_sdk(*packages: str) -> None:
    """Let modules be imported without their packages' `__init__`: the SDK would add 0.1 s to each of three hosts."""
    for package in packages:
        if spec := importlib.util.find_spec(package):
            bare = sys.modules[package] = ModuleType(package)
            bare.__path__ = list(spec.submodule_search_locations or ())


from trainup.core import network

os.environ |= network.direct(os.environ)  # also for the programs, who call the engine as soon as they import the SDK
_without_the_sdk("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
from pulumi import _version
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

PROGRAM = Path(__file__).with_name("program.py")
BAIL = 32
"""Exit code of a program that has reported its error itself."""
ANALYZER = "analyzer"
CHUNK = 1 << 16
GRACE_SECONDS = 4.0
"""How long programs may take to end by themselves; the engine waits five seconds before it kills all."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs each program and plugin in a process of its own."""

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=str(_version.version))

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: Any) -> Any:
        return language_pb2.AboutResponse(executable=sys.executable, version=platform.python_version())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        from importlib.metadata import distributions  # slow, and needed by `pulumi about` alone

        packages = sorted((item.metadata["Name"], item.version) for item in distributions())
        dependencies = [language_pb2.DependencyInfo(name=name, version=version) for name, version in packages]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def Run(self, request: Any, context: Any) -> Any:
        try:
            child = self._start(
                [_interpreter(request.info), "-I", "-u", PROGRAM, self._engine_address], stdin=subprocess.PIPE
            )
        except OSError as error:
            return language_pb2.RunResponse(error=f"the program could not be started: {error}")
        child.communicate(request.SerializeToString())
        self._forget(child)
        if child.returncode == 0:
            return language_pb2.RunResponse()
        if child.returncode == BAIL:
            return language_pb2.RunResponse(bail=True)
        if child.returncode < 0:
            return language_pb2.RunResponse(error=f"program was ended by {signal.Signals(-child.returncode).name}")
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {child.returncode}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        folder = request.info.program_directory
        # The SDK runs a policy pack, whose folder is the last argument; any other plugin is the program in its folder.
        words = ["-m", "pulumi.policy", *request.args, folder] if request.kind == ANALYZER else [folder, *request.args]
        try:
            child = self._start(
                [_interpreter(request.info), "-u", *words],
                cwd=request.pwd or None,
                env=_variables(request.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the plugin could not be started: {error}")
        if not context.add_callback(child.kill):  # the engine closes the stream to end the plugin
            child.kill()
        answers: SimpleQueue[Any] = SimpleQueue()
        pumps = [
            threading.Thread(target=_pump, args=(child.stdout, _stdout, answers), daemon=True),
            threading.Thread(target=_pump, args=(child.stderr, _stderr, answers), daemon=True),
        ]
        for pump in pumps:
            pump.start()
        try:
            for _ in pumps:
                yield from iter(answers.get, None)
            yield language_pb2.RunPluginResponse(exitcode=child.wait())
        finally:
            self._forget(child)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        yield language_pb2.InstallDependenciesResponse(stderr=b"`make setup` installs what the project needs\n")

    def Template(self, request: Any, context: Any) -> Any:
        return language_pb2.TemplateResponse()

    def Cancel(self, request: Any, context: Any) -> Any:
        self.interrupt()
        return empty_pb2.Empty()

    def interrupt(self) -> None:
        """Interrupt all programs and plugins."""
        with self._lock:
            for child in self._children:
                child.send_signal(signal.SIGINT)

    def end(self, grace: float) -> None:
        """Wait up to `grace` seconds for programs and plugins to end, then kill the rest."""
        deadline = time.monotonic() + grace
        with self._lock:
            for child in self._children:
                try:
                    child.wait(max(0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.kill()

    def _start(self, command: list[str | Path], **options: Any) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(command, **options)
        with self._lock:
            self._children.add(child)
        return child

    def _forget(self, child: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._children.discard(child)


def _interpreter(info: Any) -> Path:
    """The Python of `runtime.options.virtualenv`, else the one that runs this host."""
    virtualenv = dict(info.options).get("virtualenv")
    return Path(info.root_directory, virtualenv, "bin", "python") if virtualenv else Path(sys.executable)


def _variables(entries: Iterable[str]) -> dict[str, str] | None:
    """A plugin's environment as the engine sends it; None, which means this process's own, where it sends none."""
    variables = dict(entry.split("=", 1) for entry in entries)
    return variables | network.direct(variables) if variables else None


def _stdout(chunk: bytes) -> Any:
    return language_pb2.RunPluginResponse(stdout=chunk)


def _stderr(chunk: bytes) -> Any:
    return language_pb2.RunPluginResponse(stderr=chunk)


def _pump(pipe: Any, answer: Callable[[bytes], Any], answers: "SimpleQueue[Any]") -> None:
    """Put an answer for each chunk of a pipe into the queue, and None at its end."""
    while chunk := pipe.read1(CHUNK):
        answers.put(answer(chunk))
    answers.put(None)


def main() -> None:
    """Serve until the engine interrupts this process, or dies, which closes standard input."""
    if "--output=3" in sys.argv:  # where our launcher has put standard output while Python started
        os.dup2(3, 1)
        os.close(3)
    addresses = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not addresses:
        sys.exit("The address of the engine is missing: this program is started by `pulumi`, not by hand.")
    server = grpc.server(futures.ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", -1)])
    host = LanguageHost(addresses[-1])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    # `select` would miss a signal that another thread gets or that comes just before it; a byte in a pipe wakes it.
    signaled, signals = os.pipe()
    os.set_blocking(signals, False)
    signal.set_wakeup_fd(signals)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.start()
    print(port, flush=True)
    ready: list[Any] = []
    while signaled not in ready:
        ready, _, _ = select.select([sys.stdin, signaled], [], [])
        if ready == [sys.stdin] and not os.read(sys.stdin.fileno(), CHUNK):
            break  # the engine is gone
    # The engine signals the whole process group, so programs and plugins have got the signal too.
    host.end(grace=GRACE_SECONDS if signaled in ready else 0)
    os._exit(0)


if __name__ == "__main__":
    main()
