"""Image builds of container registries, without Docker.

No instruction is executed. The Dockerfile is parsed, the files that it copies must exist in the context, and the image
is the context with its Dockerfile. A job that uses the image gets the copied files and the pip packages.
"""

import hashlib
import itertools
import json
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from trainup.core.dockerfiles import Instruction
from trainup.core.dockerignore import Rules
from trainup.simulator.cloud import dockerfile
from trainup.simulator.cloud.clock import Clock, Latency
from trainup.simulator.cloud.endpoints import Endpoints
from trainup.simulator.cloud.faults import Faults
from trainup.simulator.cloud.images import Image, Images
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.signatures import SharedAccess, Signatures
from trainup.simulator.cloud.storage import SERVICE_ACCOUNT, Storage

SOURCES, LOGS = "source", "logs"
"""Containers of the service's own storage account."""
TYPE = "Microsoft.ContainerRegistry/registries/runs"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class _Failed(Exception):
    """The build fails; the message ends its log."""


@dataclass
class Build:
    """One build of a registry."""

    id: str
    registry: str
    order: Mapping[str, Any]
    """The body of the request that scheduled it."""

    log: Path
    status: str = "Queued"
    created: str = field(default_factory=lambda: _now())
    started: str | None = None
    finished: str | None = None
    error: str | None = None
    images: list[Image] = field(default_factory=list)
    canceled: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status not in ("Queued", "Started", "Running")


class Parts(Protocol):
    """The parts of `Azure` that builds use."""

    @property
    def clock(self) -> Clock: ...
    @property
    def endpoints(self) -> Endpoints: ...
    @property
    def faults(self) -> Faults: ...
    @property
    def images(self) -> Images: ...
    @property
    def latency(self) -> Latency: ...
    @property
    def signatures(self) -> Signatures: ...
    @property
    def storage(self) -> Storage: ...


class Builds:
    """The builds of every registry. Safe to use from several threads."""

    def __init__(self, azure: Parts) -> None:
        self._azure = azure
        self._lock = threading.Lock()
        self._all: dict[tuple[str, str], Build] = {}
        self._threads: list[threading.Thread] = []

    def source(self, correlation: str) -> tuple[str, str]:
        """URL to upload a context to, and its source location; both are derived from the request's correlation id."""
        name = f"{correlation}.tar.gz"
        access = SharedAccess(SERVICE_ACCOUNT, SOURCES, name, "rcw", None)
        address = f"{self._azure.endpoints.storage(SERVICE_ACCOUNT)}/{SOURCES}/{name}"
        return f"{address}?{self._azure.signatures.issue(access)}", f"{SOURCES}/{name}"

    def log_address(self, build: Build) -> str:
        """URL at which a build's log can be read for an hour."""
        name = _log_name(build)
        address = f"{self._azure.endpoints.storage(SERVICE_ACCOUNT)}/{LOGS}/{name}"
        return f"{address}?{self._azure.signatures.issue(SharedAccess(SERVICE_ACCOUNT, LOGS, name, 'r', None))}"

    def schedule(self, registry: str, order: Mapping[str, Any]) -> Build:
        """Start a build. Raises Refused when its context was not uploaded."""
        source = str(order["sourceLocation"])
        blob = self._azure.storage.get(SERVICE_ACCOUNT, *source.split("/", 1)) if "/" in source else None
        if blob is None:
            raise Refused(400, "InvalidSourceLocation", f"The source location '{source}' cannot be found.")
        with self._lock:
            number = sum(1 for owner, _ in self._all if owner == registry.lower()) + 1
            log = self._azure.storage.folder / f"build-{len(self._all)}.log"
            build = Build(f"ca{number}", registry, order, log)
            self._all[registry.lower(), build.id] = build
        thread = threading.Thread(target=self._run, args=(build, blob.path), name=f"build-{build.id}", daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()
        return build

    def find(self, registry: str, build_id: str) -> Build | None:
        """A build of a registry; None when there is no such build."""
        with self._lock:
            return self._all.get((registry.lower(), build_id))

    def in_registry(self, registry: str) -> list[Build]:
        """The builds of a registry, oldest first."""
        with self._lock:
            return [build for (owner, _), build in self._all.items() if owner == registry.lower()]

    def cancel(self, build: Build) -> None:
        """Cancel a build. Raises Refused when it has ended."""
        with self._lock:
            if build.is_over:
                raise Refused(409, "RunNotCancelable", f"The run '{build.id}' has ended: it is {build.status}.")
        build.canceled.set()

    def wait(self) -> None:
        """Wait until every build has ended."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _run(self, build: Build, source: Path) -> None:
        azure = self._azure
        with build.log.open("w", encoding="utf-8", buffering=1) as log:

            def tell(text: str) -> None:
                log.write(text + "\n")

            blob = azure.storage.follow(SERVICE_ACCOUNT, LOGS, _log_name(build), build.log)
            status = "Succeeded"
            build.started, build.status = _now(), "Running"
            tell(f"{_now()} Downloading source code...\n{_now()} Finished downloading source code")
            try:
                self._make(build, source, tell)
            except _Failed as error:
                status, build.error = "Failed", f"failed to run step ID: build: exit status 1: {error}"
                tell(f"{error}\n{_now()} Container failed during run: build. No retries remaining.")
            except InterruptedError:
                status = "Canceled"
            tell(f"\nRun ID: {build.id} {'was successful' if status == 'Succeeded' else 'failed'}")
        build.finished, build.status = _now(), status
        azure.storage.describe(blob, {"Complete": status.lower()})

    def _make(self, build: Build, source: Path, tell: Any) -> None:
        azure, order = self._azure, build.order
        names = [str(name) for name in order.get("imageNames") or ()]
        folder = azure.storage.folder / f"context-{build.log.stem}"
        with tarfile.open(source) as tar:
            tar.extractall(folder, filter="data")
        file = folder / str(order["dockerFilePath"])
        if not file.is_file():
            raise _Failed(
                f"unable to evaluate symlinks in Dockerfile path: lstat {order['dockerFilePath']}: no such file"
            )
        text = file.read_text(encoding="utf-8")
        try:
            steps = dockerfile.steps(text)
        except dockerfile.DockerfileError as error:
            raise _Failed(str(error)) from error
        tell(f"Sending build context to Docker daemon  {source.stat().st_size / 1000:.3f}kB")
        there = _sent(folder)
        pause = azure.latency.image_build / len(steps)
        for number, step in enumerate(steps, 1):
            tell(f"Step {number}/{len(steps)} : {step.name} {step.text}")
            fault = azure.faults.take("BUILD", TYPE, names[0] if names else "")
            if azure.clock.wait(pause, build.canceled):
                raise InterruptedError
            if fault and fault.error:
                raise _Failed(fault.error.message)
            if step.name in ("COPY", "ADD") and "from" not in step.flags:
                _check_sources(step, there)
            tell(f" ---> {hashlib.sha256(f'{number}{step}'.encode()).hexdigest()[:12]}")
        arguments = {item["name"]: item.get("value", "") for item in order.get("arguments") or ()}
        image = _image(build.registry, text, folder, arguments, source, order["platform"], steps)
        for name in names if order.get("isPushEnabled", True) else ():
            repository, _, tag = name.partition(":")
            pushed = Image(**{**vars(image), "repository": repository, "tags": {tag or "latest"}})
            azure.images.push(pushed)
            build.images.append(pushed)
            tell(f"Successfully tagged {name}\n{_now()} Pushing image: {name}, attempt 1")
            tell(f"{tag}: digest: {image.digest} size: {len(image.manifest)}")


def _image(
    registry: str,
    text: str,
    folder: Path,
    arguments: dict[str, str],
    layer: Path,
    platform: Mapping[str, str],
    steps: list[Instruction],
) -> Image:
    """An image whose only layer is the context; equal content gives an equal digest."""
    layer_digest, size = _digest(layer.read_bytes()), layer.stat().st_size
    history = [{"created_by": f"{step.name} {step.text}"} for step in steps]
    config = json.dumps(
        {
            "architecture": platform.get("architecture", "amd64"),
            "os": platform["os"].lower(),
            "config": {"Labels": {}, "Env": [f"{name}={value}" for name, value in sorted(arguments.items())]},
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
            "history": history,
        },
        sort_keys=True,
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": len(config), "digest": _digest(config)},
            "layers": [{"mediaType": LAYER, "size": size, "digest": layer_digest}],
        },
        indent=3,
    ).encode()
    blobs: dict[str, bytes | Path] = {_digest(config): config, layer_digest: layer}
    return Image(registry, "", _digest(manifest), text, folder, arguments, set(), manifest, blobs)


def _sent(folder: Path) -> list[str]:
    """The files and folders of a context that a Dockerfile can copy: those that .dockerignore does not exclude."""
    ignore = folder / ".dockerignore"
    rules = Rules.read(ignore.read_text(encoding="utf-8")) if ignore.is_file() else Rules(())
    files = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    copied = [path for path in files if not rules.excludes(path.as_posix())]
    return sorted({str(part) for path in copied for part in itertools.chain([path], path.parents)})


def _check_sources(step: Instruction, there: list[str]) -> None:
    for source in step.words[:-1]:
        plain = source.strip("/").removeprefix("./") or "."
        if "://" in source or source.startswith("<<") or "$" in source:
            continue
        if not any(fnmatchcase(path, plain) for path in there):
            raise _Failed(
                f"{step.name} failed: file not found in build context or excluded by .dockerignore: stat {plain}: "
                "file does not exist"
            )


def _log_name(build: Build) -> str:
    return f"{build.registry.rsplit('/', 1)[-1].lower()}/{build.id}/rawtext.log"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
