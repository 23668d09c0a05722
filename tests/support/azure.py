"""Projects that deploy to the Azure on this machine."""

import os
import shutil
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import REPOSITORY, STACK, Project
from trainup.core.role_needs import Who
from trainup.infra import azure_roles, offline
from trainup.simulator.cloud import roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.quota import PLENTY
from trainup.simulator.cloud.rights import Granted
from trainup.simulator.cloud.sample import Sample, assign_role
from trainup.simulator.plugins.docker import Docker
from trainup.simulator.rehearsal import Rehearsal, rehearsal
from trainup.simulator.trap import Trap


@dataclass(frozen=True)
class Cloud:
    """A running stand-in and the projects that see no other Azure."""

    folder: Path
    azure: Azure
    docker: Docker
    variables: Mapping[str, str]
    trap: Trap
    """What was tried to reach beyond this machine."""

    @property
    def bodies(self) -> Path:
        """One JSON file per accepted body."""
        return self.folder / "bodies"

    def project(self, program: str | Path, name: str = "project", stack: str = STACK) -> Project:
        """A project with its own program, given as text, or with the `infra/` in a folder."""
        if isinstance(program, str):
            infra = self.folder / f"{name}-program"
            infra.mkdir(parents=True, exist_ok=True)
            (infra / "__main__.py").write_text(program)
        else:
            infra = program
        return Project(self.folder / name, self.variables, infra=infra, stack=stack)

    def stack(self, name: str, called: str = STACK, **sections: Any) -> Project:
        """The repository's own program with the stack file of this name; sections given replace those in it."""
        made = self.project(REPOSITORY / "infra", name if called == STACK else f"{name}-{called}", called)
        shutil.copytree(REPOSITORY / "training", made.folder / "training", ignore=shutil.ignore_patterns("__pycache__"))
        config = yaml.safe_load((REPOSITORY / f"Pulumi.{name}.yaml").read_text())["config"]
        config |= {f"trainup:{section}": value for section, value in sections.items()}
        (made.folder / f"Pulumi.{called}.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False))
        made.pulumi("stack", "init", "--no-select", called)
        self.docker.folder = made.folder / "infra"
        return made

    def names(self, kind: str) -> list[str]:
        """Names of the resources of a type."""
        return sorted(found["name"] for found in self.azure.resources(kind))

    def one(self, kind: str) -> dict[str, Any]:
        """The only resource of a type."""
        (found,) = self.azure.resources(kind)
        return found


@contextmanager
def cloud(folder: Path, environment: Mapping[str, str]) -> Iterator[Cloud]:
    """A stand-in for the time of the block."""
    with rehearsal(folder) as running:
        running.azure.quota.gpu_cores = PLENTY  # asked for, and granted: a new subscription has none
        yield Cloud(folder, running.azure, running.docker, running.environment(environment), running.trap)


def visit(running: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this very process see that Azure and no other, until the test ends."""
    for name in set(os.environ) - set(running.environment(os.environ)):
        monkeypatch.delenv(name)
    for name, value in running.variables.items():
        monkeypatch.setenv(name, value)
    # It keeps the proxies of its first use, for the tests that come later too.
    monkeypatch.setattr(urllib.request, "_opener", None)


def grant_the_least(azure: Azure, project: Project) -> list[Granted]:
    """Leave who deploys the roles that are listed for a project's stack, and no others; returns them."""
    settings = offline.settings_of(project.folder, project.stack)
    granted = []
    for need in azure_roles.needed_by(settings):
        if need.who is Who.DEPLOYER and not need.is_optional:
            scope = need.place.id or azure.root
            if need.place.named_by:
                workspace = need.place.workspace or str(settings.existing_workspace)  # type: ignore[attr-defined]
                scope = azure.get(workspace)["properties"][need.place.named_by]
            granted.append(Granted(need.role.shown, scope, frozenset(need.assigns)))
    azure.may.granted = granted
    return granted


def open_vault(azure: Azure, sample: Sample) -> str:
    """Let the deployer write the vault's secrets, and the nodes read them; returns the vault's id."""
    vault = f"{sample.group}/providers/Microsoft.KeyVault/vaults/team-vault"
    azure.amend(vault, {"properties.enableRbacAuthorization": True})
    nodes = azure.get(sample.identity)["properties"]["principalId"]
    assign_role(azure, roles.SECRETS_USER, vault, nodes)
    assign_role(azure, roles.SECRETS_OFFICER, vault, azure.deployer, kind="User")
    return vault
