"""Simulates the docker provider: `docker:index:Image`, which is really built and pushed if a daemon runs."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from trainup.core import wire
from trainup.core.dockerignore import Rules
from trainup.core.values import UNKNOWN, Secret, Unknown, has_unknown, reveal
from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.endpoints import LOOPBACK
from trainup.simulator.cloud.images import Image
from trainup.simulator.plugins.plugin import Properties, SimulatedProvider, abort, token

VERSION = "4.11.2"
"""Version of the SDK; the engine warns about an older one."""

IMAGE = "docker:index/image:Image"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SECONDS = 1800


class BuildFailed(Exception):
    """The image could not be built; the message has docker's output."""


@dataclass(frozen=True)
class BuiltImage:
    """An image that a program requested."""

    name: str
    digest: str
    real: bool
    """Whether a daemon built and pushed it; otherwise the digest is that of the context."""


class Docker(SimulatedProvider):
    """Serves the engine's calls for `docker`."""

    def __init__(self, azure: Azure) -> None:
        super().__init__(VERSION)
        self._azure = azure
        self.built: list[BuiltImage] = []
        self.folder = Path()
        """The program's folder, for relative paths. The engine does not pass it to attached providers."""

    def Check(self, request: Any, context: Any) -> Any:
        if token(request.urn) != IMAGE:
            return abort(
                context,
                ValueError(f"the simulated docker provider supports only {IMAGE!r}, not {token(request.urn)!r}"),
            )
        inputs = wire.decode(request.news)
        failures = []
        source = _source(self.folder, inputs)
        if source and not source.dockerfile.is_file():
            reason = f"could not open dockerfile at relative path {source.dockerfile}: no such file"
            failures.append(provider_pb2.CheckFailure(property="build.dockerfile", reason=reason))
        elif source:
            # Like the real provider, store the context's digest in the inputs: its change triggers a new build.
            inputs["build"] = {**reveal(inputs.get("build") or {}), "contextDigest": digest_of(source)}
        return provider_pb2.CheckResponse(inputs=wire.encode(inputs), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = reveal(wire.decode(request.old_inputs)), reveal(wire.decode(request.news))
        for values in (old, new):  # a changed password must not trigger a build
            values["registry"] = (values.get("registry") or {}).get("server")
        changed = sorted(key for key in {**old, **new} if old.get(key) != new.get(key))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = wire.decode(request.properties)
        name = "" if request.preview else reveal(inputs["imageName"])
        return provider_pb2.CreateResponse(id=name, properties=self._made(request, inputs, context))

    def Update(self, request: Any, context: Any) -> Any:
        return provider_pb2.UpdateResponse(properties=self._made(request, wire.decode(request.news), context))

    def _made(self, request: Any, inputs: Properties, context: Any) -> Any:
        """The outputs of an image on the wire, which is built unless this is a preview."""
        try:
            reference = UNKNOWN if request.preview else self._build(request.urn, inputs)
        except BuildFailed as error:
            return abort(context, error)
        return wire.encode(_outputs(inputs, reference))

    def Read(self, request: Any, context: Any) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()  # like the real provider, it does not delete pushed images

    def _build(self, urn: str, inputs: Properties) -> str:
        plain = reveal(inputs)
        name, source = plain["imageName"], _source(self.folder, inputs)
        if source is None:
            raise BuildFailed(f"the build of {name!r} has no context that is known")
        push = not plain.get("skipPush")
        registry = self._registry_of(name)
        reason = self._forbidden(name, registry) or unavailable()
        if reason:
            digest = f"sha256:{digest_of(source)}"
            self.tell(urn, f"{name} was not built ({reason}): its digest stands for the context", warning=True)
            self.built.append(BuiltImage(name, digest, real=False))
            if registry and push:
                self._keep(registry, name, digest, source)
            return f"{_repository(name)}@{digest}"
        build = plain.get("build") or {}
        with _login(plain.get("registry") if push else None) as environment:
            words = ["build", "--file", str(source.dockerfile), "--tag", name]
            words += [f"--platform={platform}" for platform in [build.get("platform")] if platform]
            words += [f"--target={target}" for target in [build.get("target")] if target]
            words += [f"--network={network}" for network in [build.get("network")] if network]
            words += [
                word for key, value in (build.get("args") or {}).items() for word in ("--build-arg", f"{key}={value}")
            ]
            _docker([*words, str(source.context)], environment)
            if push:
                match = _DIGEST.search(_docker(["push", name], environment))
            else:
                match = _DIGEST.search(_docker(["inspect", "--format", "{{.Id}}", name], environment))
        if match is None:
            raise BuildFailed(f"docker reported no digest for {name}")
        self.built.append(BuiltImage(name, match.group(), real=True))
        return f"{_repository(name)}@{match.group()}"

    def _forbidden(self, name: str, registry: str | None) -> str | None:
        """Why a rehearsal must not push to the registry of this name; None if it may."""
        if not self._azure.endpoints.local:
            return None
        if registry:
            return "its registry is simulated"
        host = name.partition("/")[0].rpartition(":")[0] or name.partition("/")[0]
        return None if host in LOOPBACK else f"a rehearsal pushes nothing to {host}"

    def _registry_of(self, name: str) -> str | None:
        """Resource id of the simulated registry in an image's name; None if it is another registry."""
        server = name.partition("/")[0]
        for registry in self._azure.each("Microsoft.ContainerRegistry/registries"):
            if shape.get(registry, "properties.loginServer") == server:
                return str(registry["id"])
        return None

    def _keep(self, registry: str, name: str, digest: str, source: "BuildSource") -> None:
        """Store an image in a simulated registry, with a copy of its context for the environments of jobs."""
        context = self._azure.storage.folder / f"context-{digest.removeprefix('sha256:')}"
        shutil.copytree(source.context, context, dirs_exist_ok=True)
        repository, _, tag = name.partition("/")[2].partition(":")
        text = source.dockerfile.read_text(encoding="utf-8")
        image = Image(registry, repository, digest, text, context, dict(source.arguments), {tag or "latest"})
        self._azure.images.push(image)


@dataclass(frozen=True)
class BuildSource:
    """The context, Dockerfile and build arguments of an image."""

    context: Path
    dockerfile: Path
    arguments: tuple[tuple[str, str], ...]


def _source(folder: Path, inputs: Mapping[str, Any]) -> BuildSource | None:
    """The build source in the inputs; None if a part of it is unknown."""
    build = inputs.get("build")
    if build is None or has_unknown(build):
        return None
    plain = reveal(build)
    context = folder / (plain.get("context") or ".")
    dockerfile = folder / plain["dockerfile"] if plain.get("dockerfile") else context / "Dockerfile"
    return BuildSource(context, dockerfile, tuple(sorted((plain.get("args") or {}).items())))


def digest_of(source: BuildSource) -> str:
    """SHA-256 over the paths, modes and contents of the context, the Dockerfile and the build arguments."""
    total = hashlib.sha256()
    own = source.dockerfile.with_name(f"{source.dockerfile.name}.dockerignore")
    ignore = next((path for path in (own, source.context / ".dockerignore") if path.is_file()), None)
    rules = Rules.read(ignore.read_text(encoding="utf-8")) if ignore else Rules(())
    files = (path for path in source.context.rglob("*") if path.is_file())
    sent = (path for path in files if not rules.excludes(path.relative_to(source.context).as_posix()))
    for path in [source.dockerfile, *sorted(sent)]:
        mode = path.stat().st_mode & 0o777
        total.update(f"{os.path.relpath(path, source.context)}\0{mode:o}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    total.update(repr(source.arguments).encode())
    return total.hexdigest()


def unavailable() -> str | None:
    """Why docker cannot build on this machine; None if it can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    done = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True)
    return None if done.returncode == 0 and done.stdout.strip() else "no docker daemon answers"


def _docker(words: list[str], environment: Mapping[str, str], stdin: str | None = None) -> str:
    done = subprocess.run(
        ["docker", *words], env=dict(environment), input=stdin, capture_output=True, text=True, timeout=_SECONDS
    )
    if done.returncode:
        raise BuildFailed(f"docker {words[0]} failed:\n{(done.stdout + done.stderr).strip()[-4000:]}")
    return done.stdout + done.stderr


@contextmanager
def _login(registry: Mapping[str, Any] | None) -> Iterator[dict[str, str]]:
    """Environment variables with which docker is logged in. The login is deleted after the block."""
    environment = dict(os.environ)
    if not registry or not registry.get("password"):
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="docker-login-") as folder:
        environment["DOCKER_CONFIG"] = folder
        words = ["login", "--username", registry["username"], "--password-stdin", registry["server"]]
        _docker(words, environment, stdin=registry["password"])
        yield environment


def _repository(name: str) -> str:
    """`host:5000/fastai:tag` without its tag."""
    host, slash, rest = name.rpartition("/")
    return f"{host}{slash}{rest.split(':')[0]}"


def _outputs(inputs: Properties, reference: str | Unknown) -> Properties:
    build = reveal(inputs.get("build")) if not has_unknown(inputs.get("build")) else {}
    registry = inputs.get("registry")
    server = registry.value if isinstance(registry, Secret) else registry
    return {
        "imageName": inputs["imageName"],
        "baseImageName": inputs["imageName"],
        "context": (build or {}).get("context", "."),
        "dockerfile": (build or {}).get("dockerfile", "Dockerfile"),
        "platform": (build or {}).get("platform"),
        "registryServer": (server or {}).get("server"),
        "repoDigest": reference,
    }
