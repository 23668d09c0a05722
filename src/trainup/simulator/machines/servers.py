"""Runs the servers of online deployments, by the inference server of their image, as processes of this machine."""

import http.client
import random
import shlex
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainup.core import network
from trainup.core.duration import iso_seconds
from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.endpoint_rules import DEPLOYMENTS
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.machines import files, images
from trainup.simulator.machines.environments import Environments
from trainup.simulator.machines.errors import Failed
from trainup.simulator.machines.files import Unreachable
from trainup.simulator.machines.ports import free_port
from trainup.simulator.machines.processes import Group, Start

HOST = "127.0.0.1"
START_SECONDS = 120.0
POLL_SECONDS = 0.05
REQUEST_SECONDS = 5.0
# The server listens on every address by default, and other machines need not reach it.
LAUNCH = "from azureml_inference_server_http import amlserver; amlserver.DEFAULT_HOST = '127.0.0.1'; amlserver.run()"


@dataclass
class Server:
    """The server of one deployment."""

    resource: Resource
    folder: Path
    port: int = field(default_factory=free_port)
    group: Group | None = None
    over: threading.Event = field(default_factory=threading.Event)
    """Set when the deployment is deleted."""

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / "log.txt"

    def request(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes, str]:
        """(status, body, content type) of an answer. Raises OSError."""
        seconds = iso_seconds(shape.get(self.resource, "properties.requestSettings.requestTimeout")) or REQUEST_SECONDS
        connection = http.client.HTTPConnection(HOST, self.port, timeout=seconds + 1)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")
        finally:
            connection.close()


class Servers:
    """The servers of all deployments. Safe to use from several threads."""

    def __init__(self, azure: Azure, environments: Environments, folder: Path, base: dict[str, str]) -> None:
        self._azure, self._environments, self._folder, self._base = azure, environments, folder, base
        self._lock = threading.Lock()
        self._servers: dict[str, Server] = {}
        self._random = random.Random(0)
        azure.watchers.append(self._changed)

    def score(self, endpoint: Resource, deployment: str, body: bytes, kind: str) -> tuple[int, bytes, str]:
        """The answer of a deployment, or of the one that the traffic falls to where none is named. Raises Refused."""
        name = deployment or self._drawn(endpoint)
        with self._lock:
            server = self._servers.get(f"{endpoint['id']}/deployments/{name}".lower())
            mirrored = [
                self._servers.get(f"{endpoint['id']}/deployments/{other}".lower())
                for other, share in (shape.get(endpoint, "properties.mirrorTraffic") or {}).items()
                if not deployment and self._random.random() * 100 < share
            ]
        if server is None:
            raise Refused(404, "NoSuchDeployment", f"There is no deployment {name!r} that takes requests.")
        for other in filter(None, mirrored):
            threading.Thread(target=_unseen, args=(other, body, kind), daemon=True).start()
        try:
            return server.request("POST", "/score", body, kind)
        except OSError as error:
            raise Refused(502, "BadGateway", f"The model of {name!r} does not answer: {error}") from error

    def log(self, deployment: str, lines: int) -> str:
        """The last lines of a deployment's log."""
        with self._lock:
            server = self._servers.get(deployment.lower())
        if server is None or not server.log.exists():
            return ""
        return "\n".join(server.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End all servers."""
        with self._lock:
            servers = list(self._servers.values())
            self._servers.clear()
        for server in servers:
            _end(server)

    def _drawn(self, endpoint: Resource) -> str:
        traffic = {name: share for name, share in (shape.get(endpoint, "properties.traffic") or {}).items() if share}
        if not traffic:
            raise Refused(404, "NoTraffic", f"No deployment of {endpoint['name']!r} gets traffic.")
        with self._lock:
            return str(self._random.choices(list(traffic), list(traffic.values()))[0])

    def _changed(self, method: str, resource: Resource) -> None:
        if resource["type"].lower() != DEPLOYMENTS.lower():
            return
        key = resource["id"].lower()
        with self._lock:
            old = self._servers.pop(key, None)
            server = None
            if method == "PUT":
                name = f"{key.split('/')[-3]}-{key.split('/')[-1]}-{time.monotonic_ns()}"
                server = self._servers[key] = Server(resource, self._folder / name)
        if old:
            _end(old)
        if server:
            threading.Thread(target=self._start, args=(server,), daemon=True).start()

    def _start(self, server: Server) -> None:
        server.folder.mkdir(parents=True)
        own = server.resource["properties"]
        try:
            state = "Succeeded" if self._serves(server, own) else "Failed"
        except (Failed, Unreachable, Refused) as error:
            server.log.write_text(f"{error}\n", encoding="utf-8")
            state = "Failed"
        self._azure.amend(server.resource["id"], {"properties.provisioningState": state})

    def _serves(self, server: Server, own: dict[str, Any]) -> bool:
        """Start the server of a deployment; whether it got healthy."""
        resource_id = server.resource["id"]
        workspace = resource_id.split("/onlineEndpoints/")[0]
        endpoint = resource_id.split("/deployments/")[0]
        environment = images.environment_of(self._azure, own)
        programs = images.pull(self._azure, self._environments, environment, endpoint, server.folder / "image.txt")
        code = self._azure.find(str(shape.get(own, "codeConfiguration.codeId"))) or {}
        files.download(self._azure, str(shape.get(code, "properties.codeUri")), server.folder / "code", workspace)
        words = ["--entry_script", str(shape.get(own, "codeConfiguration.scoringScript")), "--port", str(server.port)]
        if own.get("model"):
            model = self._azure.find(str(own["model"])) or {}
            uri = str(shape.get(model, "properties.modelUri"))
            place = server.folder / "model"
            last = uri.rstrip("/").rsplit("/", 1)[-1]
            is_file = len(files.resolve(self._azure, uri, workspace).find(self._azure)) == 1 and "." in last
            files.download(self._azure, uri, place if is_file else place / last, workspace)
            words += ["--model_dir", str(place)]
        variables = {
            **self._base,
            "PATH": f"{programs}:{self._base['PATH']}",
            **{name: str(value) for name, value in (own.get("environmentVariables") or {}).items()},
            "AML_APP_ROOT": str(server.folder / "code"),
        }
        command = shlex.join([str(programs / "python"), "-c", LAUNCH, *words])
        start = Start(f"exec {command}", server.folder / "code", server.log, variables | network.direct(variables))
        server.group = Group([start])
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and not server.over.is_set() and not server.group.ended.is_set():
            try:
                if server.request("GET", "/")[0] == 200:
                    return True
            except (OSError, http.client.HTTPException):
                server.over.wait(POLL_SECONDS)
        server.group.stop()
        return False


def _unseen(server: Server, body: bytes, kind: str) -> None:
    """Send a mirrored request, whose answer nobody sees."""
    try:
        server.request("POST", "/score", body, kind)
    except OSError:
        return


def _end(server: Server) -> None:
    server.over.set()
    if server.group:
        server.group.stop()
