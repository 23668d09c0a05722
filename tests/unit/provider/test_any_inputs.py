"""Whatever a program gives a resource of ours, it is told in words: no exception leaves a handler."""

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainup.core import wire
from trainup.core.inputs import COMPUTED, FIELDS, Finding
from trainup.core.values import UNKNOWN, Secret
from trainup.provider.data import DataHandler
from trainup.provider.handler import Context, Handler, State
from trainup.provider.image import ImageHandler
from trainup.provider.pool import PoolHandler
from trainup.provider.run import RunHandler
from trainup.provider.server import ServerHandler

TEXTS = [
    "a",
    "1h",
    "src",
    "main.py",
    "r.txt",
    "job.yml",
    "local",
    "ws",
    "venv",
    "x\0y",
    "${{inputs.a}}",
    "\ud800",
    "x" * 300,
]
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([*TEXTS, UNKNOWN, Secret("s"), Secret(UNKNOWN), Secret({"a": 1})]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
REGISTRY = "/subscriptions/0/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"
KINDS: dict[str, tuple[type[Handler], dict[str, Any], tuple[str, ...]]] = {
    "Run": (
        RunHandler,
        {"run": "r", "target": "local", "workspace": "ws", "source": "src", "script": "main.py"},
        tuple(FIELDS.keys() - COMPUTED),
    ),
    "Image": (ImageHandler, {"builder": "venv", "workspace": "ws"}, ("requirements", "python", "allow_secrets", "odd")),
    "Image built by a registry": (
        ImageHandler,
        {
            "builder": "acr",
            "registry_id": REGISTRY,
            "login_server": "r.azurecr.io",
            "repository": "r",
            "context": "src",
        },
        ("dockerfile", "dockerfile_text", "arguments", "platform", "timeout", "on_interrupt", "allow_secrets", "odd"),
    ),
    "Image that exists": (ImageHandler, {"builder": "prebuilt", "image": "i"}, ("username", "password", "odd")),
    "Pool": (PoolHandler, {"workspace": "ws", "name": "gpu", "max_nodes": 1}, ("odd",)),
    "Server": (ServerHandler, {"workspace": "ws"}, ("tracking", "odd")),
    "Data": (DataHandler, {"path": "src"}, ("odd",)),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "src").mkdir()
    (folder / "src" / "main.py").write_text("print('hello')\n")
    (folder / "r.txt").write_text("six\n")
    (folder / "job.yml").write_text("command: echo ${{inputs.a}}\ninputs: {a: 1}\n")
    return folder


def is_told(finding: Finding) -> bool:
    return bool(finding.property) and len(finding.reason) > 10 and "Traceback" not in finding.reason


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.data())
def test_any_inputs_are_judged_planned_and_compared(kind: str, project: Path, chance: st.DataObject) -> None:
    make, usual, others = KINDS[kind]
    names = st.sampled_from([*usual, *others])
    inputs = usual | chance.draw(st.dictionaries(names, JUNK, max_size=4), label="inputs")
    handler, context = make(), Context("urn", project, threading.Event())
    checked, findings = handler.check(context, wire.decode(wire.encode(inputs)))
    assert all(is_told(finding) for finding in findings)
    assert wire.decode(wire.encode(checked)) == checked
    if not findings:
        planned = handler.plan(context, checked, None)
        wire.encode(planned)
        known = {name: value for name, value in planned.items() if value is not UNKNOWN}
        wire.encode({"changes": str(handler.diff(context, State("id", known), usual, checked))})
