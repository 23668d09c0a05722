"""A registry of Azure with a project before it, and what the tests of its builders do again and again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.builds import TYPE, Build
from trainup.simulator.cloud.faults import Fault

IMAGE = urn("Image", "image")
PASSWORD = "planted-5ecret"


@dataclass
class World:
    """An Azure with a registry, and a project whose plugins see it and no other."""

    azure: Azure
    registry: str
    project: Path
    plugin: Plugin
    """One for all tests that neither cancel nor look at what is shown."""


@dataclass
class Place:
    """A test's own context in the project, and its own repository."""

    world: World
    name: str
    gates: list[threading.Event] = field(default_factory=list)
    """Opened when the test ends, so that no build is left waiting."""

    @property
    def azure(self) -> Azure:
        return self.world.azure

    @property
    def folder(self) -> Path:
        return self.world.project / self.name

    def inputs(self, **more: Any) -> dict[str, Any]:
        """What an image of the context takes."""
        registry = self.world.registry
        server = self.azure.get(registry)["properties"]["loginServer"]
        given = {"builder": "acr", "registry_id": registry, "login_server": server, "context": self.name}
        return {**given, "repository": self.name, **more}

    @property
    def builds(self) -> list[Build]:
        """Those of this test."""
        return [
            build
            for build in self.azure.builds.in_registry(self.world.registry)
            if self.name in str(build.order["imageNames"])
        ]

    def hold(self, repository: str | None = None) -> threading.Event:
        """Let the next build of this test, or of another repository, wait in its first step until the event is set."""
        gate = threading.Event()
        self.gates.append(gate)
        self.fault(repository, call=lambda: gate.wait() and None)
        return gate

    def fault(self, repository: str | None = None, **more: Any) -> None:
        """Something happens to the next build of this test, or of another repository."""
        self.azure.faults.add(Fault(method="BUILD", type=TYPE, name=f"{repository or self.name}:*", **more))

    @property
    def digest(self) -> str:
        """Of the image that was built last."""
        return self.builds[-1].images[0].digest

    def written(self) -> list[Path]:
        """What the plugins have left on this machine."""
        return sorted((self.world.project / ".trainup").rglob("*"))

    def plugin(self) -> Any:
        """A plugin of its own, as every `pulumi` command has one."""
        return plugin(self.world.project)


def checked(made: Plugin, inputs: dict[str, Any]) -> dict[str, Any]:
    found, failures = made.check(IMAGE, inputs)
    assert not failures
    return found


def create(made: Plugin, inputs: dict[str, Any]) -> Resource:
    return made.create(IMAGE, checked(made, inputs))


def beside(action: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """The action in a thread, and where its result or Failed will be."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(action())
        except Failed as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome
