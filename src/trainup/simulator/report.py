"""The report of a rehearsal, as text and as JSON."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainup.simulator.cloud import contract
from trainup.simulator.cloud.azure import Azure
from trainup.verification.beliefs.listing import BELIEFS

FILE = "report.json"
OUTPUT_KEYS = ("name", "status", "metrics", "phases", "attempts")
"""Outputs of a run that the report contains."""
WHO = {
    "tools": "tools",
    "scripts": "the runs' own scripts",
    "refused": "refused",
    "builders": "uv for the packages of the image",
}
"""Kind of process that connected to other machines → its name in the report."""


@dataclass
class Report:
    """The result of one rehearsal."""

    stack: str
    folder: str
    passed: bool = False
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Step → duration in seconds."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Run → some of its outputs."""

    requests: dict[str, int] = field(default_factory=dict)
    """HTTP method → number of requests."""

    beliefs: int = field(default_factory=lambda: sum(not belief.source for belief in BELIEFS))
    """Number of beliefs about Azure that no document or report backs, and that the simulated Azure follows."""

    bodies: int = 0
    findings: list[str] | None = None
    """Violations of Azure's published types in request bodies; None if the types are not available."""

    left: list[str] = field(default_factory=list)
    """Ids of resources that were not deleted."""

    reserved: list[str] = field(default_factory=list)
    """Names of soft-deleted resources, which Azure reserves for a while."""

    connections: dict[str, list[str]] = field(default_factory=dict)
    """Key of `WHO` → connections to other machines; those of `tools` and `refused` are problems."""

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure the duration of a step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(time.monotonic() - started, 1)

    def take_runs(self, outputs: Mapping[str, Mapping[str, Any]]) -> None:
        """Add the runs in the stack's outputs."""
        self.runs = {run: {name: output.get(name) for name in OUTPUT_KEYS} for run, output in outputs.items()}

    def take_azure(self, azure: Azure) -> None:
        """Add the requests that the simulated Azure received, and check their bodies."""
        self.requests = dict(Counter(entry.method for entry in azure.journal.entries))
        self.reserved = sorted(
            f"{resource['type'].rsplit('/', 1)[-1]}/{resource['name']}" for resource in azure.deleted.values()
        )
        bodies = [
            json.loads(path.read_text(encoding="utf-8")) for path in sorted((azure.bodies or Path()).glob("*.json"))
        ]
        self.bodies = len(bodies)
        if contract.available():
            self.findings = [
                f"{body['name']}: {finding}"
                for body in bodies
                for finding in contract.findings(body["type"], body["apiVersion"], body["body"], body["name"])
            ]
        self.problems += [f"Azure's types do not allow {finding}" for finding in self.findings or ()]

    def write(self) -> None:
        """Write the report into the folder."""
        self.passed = not self.problems
        (Path(self.folder) / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        lines = [f"Rehearsal of {self.stack}: {'passed' if self.passed else 'FAILED'}"]
        lines += [f"  - {problem}" for problem in self.problems]
        return "\n".join(lines + [f"  {label:<10}{text}" for label, text in self._rows()])

    def _rows(self) -> Iterator[tuple[str, str]]:
        steps = [f"{name} {value:.0f} s" for name, value in self.seconds.items() if name != "all"]
        yield "time", f"{self.seconds.get('all', 0):.0f} s: {', '.join(steps)}"
        for name, run in self.runs.items():
            metrics = [f"{metric} {value:.4g}" for metric, value in sorted((run["metrics"] or {}).items())]
            yield "run", ", ".join([f"{name}: {run['name']} {run['status']}", *metrics])
        methods = ", ".join(f"{count} {method}" for method, count in self.requests.items())
        yield "requests", f"{sum(self.requests.values())}: {methods}"
        yield "beliefs", f"{self.beliefs} of Azure that nothing confirms yet (`make beliefs`)"
        judged = "not checked: Azure's published types are not at hand"
        if self.findings is not None:
            judged = f"{len(self.findings)} findings against Azure's published types"
        yield "bodies", f"{self.bodies}, {judged}"
        outside = [f"{WHO[who]} ({', '.join(lines)})" for who, lines in self.connections.items() if lines]
        yield "network", f"beyond this machine: {'; '.join(outside) or 'nothing'}"
        if "destroy" in self.seconds:
            reserved = f"; Azure keeps the names of {', '.join(self.reserved)} for a while" if self.reserved else ""
            yield "left", f"{len(self.left)} resources{reserved}"
        yield "files", f"{self.folder}: {FILE}, requests.jsonl, bodies/, and jobs/ with their logs"
