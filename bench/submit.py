"""From the start of a new process to "job accepted": trainup's client beside the official one, on the same Azure."""

import os
import ssl
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from bench.measure import Row, alternate, row
from tests.support import official
from tests.support.plugin import plugin, urn
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.clock import Latency
from trainup.simulator.cloud.journal import Entry
from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal

HERE = Path(__file__).parent
OFFICIAL, OURS, PLUGIN, LEAST = "azure-ai-ml", "trainup", "trainup, the plugin", "the least requests, nothing else"
REPEATS = 7
FEW = 5
SECONDS_FOR_A_REQUEST = 0.1
WORDS = frozenset({"jobs", "computes", "codes", "code", "startPendingUpload", "endpoints", "token", "environments"})

Submit = Callable[[Path], object]
"""Submits a folder."""


@dataclass
class Place:
    """Where they submit to, and from."""

    running: Rehearsal
    sample: Sample
    folder: Path
    environment: dict[str, str]
    accepted: list[tuple[float, str]]
    """When a job was accepted, and its id."""
    number: int = 0

    @property
    def azure(self) -> Azure:
        return self.running.azure

    def source(self) -> Path:
        """A folder with code that no workspace has seen, in a new project."""
        self.number += 1
        made = self.folder / f"project-{self.number}" / "code"
        made.mkdir(parents=True)
        (made / "main.py").write_text(f"print({self.number})\n")
        return made

    def measure(self, submit: Submit) -> float:
        """Seconds until Azure has accepted the job of fresh code."""
        source = self.source()
        self.accepted.clear()
        started = time.perf_counter()
        submit(source)
        ((accepted, job),) = self.accepted
        self.running.machines.wait(job)  # it shall be in nobody's way
        return accepted - started


def run(folder: Path) -> list[Row]:
    """First starts, as in every CI job; later starts; and those with some time for every request.

    The promise is about the first start. Later on, most of both clients' time is that of packages which they share.
    """
    with _place(folder) as place:
        contestants = {
            OFFICIAL: _script(place, "official/submit.py", str(official.python())),
            OURS: _script(place, "scripts/submit.py", sys.executable),
            PLUGIN: lambda source: by_plugin("bench", place.sample, source, place.environment, wait=False),
            LEAST: _script(place, "scripts/submit_least.py", sys.executable),
        }
        used = dict(place.environment)
        # Once each, unmeasured: byte code is there from now on.
        asked = {name: _requests(place, submit) for name, submit in contestants.items()}
        place.environment |= _fresh(folder / "byte-code")
        first = _compared("submit, first start in a fresh environment", place, contestants, asked, FEW)
        place.environment.clear()
        place.environment |= used
        later = _compared("submit, with byte code of all packages", place, contestants, {}, REPEATS)
        place.azure.latency, place.azure.clock.scale = Latency(request=SECONDS_FOR_A_REQUEST), 1
        name = f"the same, {SECONDS_FOR_A_REQUEST * 1000:.0f} ms for every request"
        slow = _compared(name, place, contestants, {}, FEW)
        least = next(item for item in slow if item.contestant == LEAST)
        slow = [
            replace(item.compared(least), at_most=1.2) if item.contestant in (OURS, PLUGIN) else item for item in slow
        ]
        return [*first, _faster(first, at_least=5), *later, _faster(later, at_least=5), *slow, _faster(slow)]


def _fresh(folder: Path) -> dict[str, str]:
    """Variables with which Python has byte code of its own library, and none of any package."""
    library = sysconfig.get_path("stdlib")
    left_out = "|".join(("site-packages", "test", "tests", "idlelib", "lib2to3", "tkinter", "ensurepip"))
    variables = {"PYTHONPYCACHEPREFIX": str(folder)}
    command = [sys.executable, "-m", "compileall", "-q", "-x", f"/({left_out})/", library]
    subprocess.run(command, env={**os.environ, **variables}, check=True)
    return {**variables, "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def _place(folder: Path) -> Iterator[Place]:
    with rehearsal(folder / "azure") as running:
        accepted: list[tuple[float, str]] = []

        def watch(method: str, resource: dict[str, Any]) -> None:
            if method == "PUT" and resource["type"].endswith("/jobs"):
                accepted.append((time.perf_counter(), resource["id"]))

        running.azure.watchers.insert(0, watch)
        # Without these, the official client knows its cloud, and byte code is written.
        left_out = ("ARM_CLOUD_METADATA_URL", "AZUREML_CURRENT_CLOUD", "PYTHONDONTWRITEBYTECODE")
        environment = {name: value for name, value in running.environment().items() if name not in left_out}
        with _known_cloud(environment["ARM_METADATA_HOSTNAME"], environment["SSL_CERT_FILE"]) as described:
            environment["ARM_METADATA_HOSTNAME"] = described
            yield Place(running, furnish(running.azure), folder, environment, accepted)


@contextmanager
def _known_cloud(host: str, certificates: str) -> Iterator[str]:
    """An address that describes the cloud at once: every client knows the public clouds, and asks none of them."""
    address = host if "://" in host else f"https://{host}"
    context = ssl.create_default_context(cafile=certificates)
    with urllib.request.urlopen(f"{address}/metadata/endpoints?api-version=2022-09-01", context=context) as answer:
        description = answer.read()

    class Described(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(description)))
            self.end_headers()
            self.wfile.write(description)

        def log_message(self, *words: Any) -> None:
            """Nothing: the figures are on standard output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Described) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _script(place: Place, name: str, python: str) -> Submit:
    sample = place.sample
    where = [place.azure.endpoints.resource_manager, sample.workspace, sample.cluster, sample.environment]
    command = [python, str(HERE / name), *where]

    def submit(source: Path) -> None:
        done = subprocess.run([*command, str(source)], env=place.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return submit


def by_plugin(name: str, sample: Sample, source: Path, environment: dict[str, str], **more: Any) -> list[str]:
    """As `pulumi up` has it create the run of a folder; the lines that it shows."""
    inputs = {
        "run": name,
        "target": "azure",
        "workspace": sample.workspace,
        "cluster": sample.cluster,
        "image": "fastai2:1",
        "environment": sample.environment,
        "source": source.name,
        "script": "main.py",
        **more,
    }
    with plugin(source.parent, environment) as provider:
        checked, failures = provider.check(urn("Run", name), inputs)
        assert not failures, failures
        provider.create(urn("Run", name), checked)
        return provider.engine.lines()


def _requests(place: Place, submit: Submit) -> str:
    """What it asks for until the job is accepted, in words."""
    before = len(place.azure.journal.entries)
    place.measure(submit)
    entries = place.azure.journal.entries[before:]
    last = next(n for n, entry in enumerate(entries) if entry.method == "PUT" and "/jobs/" in entry.path)
    names = Counter(_named(entry) for entry in entries[: last + 1])
    told = ", ".join(name + (f" x {count}" if count > 1 else "") for name, count in names.items())
    return f"{names.total()} requests: {told}"


def _named(entry: Entry) -> str:
    words = [word for word in entry.path.split("/") if word in WORDS]
    return f"{entry.method} {words[-1] if words else '/'}"


def _compared(
    name: str, place: Place, contestants: dict[str, Submit], notes: dict[str, str], repeats: int
) -> list[Row]:
    measured = [lambda submit=submit: place.measure(submit) for submit in contestants.values()]
    values = alternate(repeats, *measured)
    return [row(name, who, found, "s", note=notes.get(who, "")) for who, found in zip(contestants, values, strict=True)]


def _faster(rows: Sequence[Row], at_least: float | None = None) -> Row:
    values = {item.contestant: item.value for item in rows}
    faster = values[OFFICIAL] / values[OURS]
    return Row(rows[0].benchmark, f"times faster than {OFFICIAL}", faster, "x", at_least=at_least)
