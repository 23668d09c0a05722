"""What one edit of a deployed stack's settings would do, as the engine plans it: no more than it has to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.azure import Cloud, cloud
from tests.support.inline import CREATED, DELETED, NEW_FIRST, OLD_FIRST, UPDATED, Inline, inline
from tests.support.project import Project
from trainup.infra.azure import NOBODY
from trainup.simulator.cloud.sample import Sample, furnish

pytestmark = pytest.mark.engine

PERSON, OTHER = "22222222-2222-2222-2222-222222222222", "22222222-2222-2222-2222-222222222223"
SUBNET = "/subscriptions/{}/resourceGroups/team/providers/Microsoft.Network/virtualNetworks/net/subnets/nodes"
CLUSTER = {"size": "gpu-small", "max_nodes": 2}
IMAGE = {"context": "image"}
DIGEST = "ghcr.io/team/fastai@sha256:" + "c" * 64

COMPUTE, BUILD, ENVIRONMENT = "cluster-compute", "image-build", "image-environment"
STACK, ML, REGISTRY = "trainup-test", "trainup-test-ml", "trainuptestregistry"
STORE, VERSION, READS = "data-pets-store", "data-pets-version", "nodes-teamstorage-data"
GRANTS = ("workspace-ml-data-scientist", "storage-blob-data-contributor", "storage-file-data-privileged-contributor")
TAGGED = (
    *(f"{STACK}-{role}" for role in ("group", "kv", "logs", "insights", "ml")),
    *("trainuptestdata", REGISTRY, COMPUTE, ENVIRONMENT, STORE, VERSION),
)


@dataclass(frozen=True)
class Deployed:
    """A stack as it was deployed, and what it can attach to."""

    cloud: Cloud
    project: Project
    stack: Inline
    sample: Sample
    config: str

    @property
    def file(self) -> Path:
        """The stack file."""
        return self.project.folder / "Pulumi.test.yaml"

    def sections(self) -> dict[str, Any]:
        """What was deployed."""
        pets = {"storage": self.sample.account, "container": "pets", "path": "all"}
        return {
            "access": {"users": [PERSON]},
            "cluster": CLUSTER,
            "data": {"pets": pets},
            "image": IMAGE,
            "registry": {"sku": "Basic"},
            "runs": {},
            "tags": {"team": "vision"},
        }


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("edits")
    with cloud(folder, environment) as running:
        running.azure.subscription = NOBODY
        sample = furnish(running.azure)
        running.azure.principals |= {PERSON, OTHER}
        project = running.stack("dev")
        (project.folder / "image").mkdir()
        (project.folder / "image" / "Dockerfile").write_text("FROM scratch\nARG A\nCOPY a.txt /\n")
        (project.folder / "image" / "a.txt").write_text("hello")
        (project.folder / "image" / ".dockerignore").write_text("*.log\n")
        with inline(project) as stack:
            made = Deployed(running, project, stack, sample, "")
            project.edit(**made.sections())
            up = project.up()
            assert up.code == 0, up.text
            yield Deployed(running, project, stack, sample, made.file.read_text())


@pytest.fixture
def edited(deployed: Deployed) -> Iterator[Callable[..., None]]:
    """`edited(location, **sections)` puts these in the place of what was deployed, until the test ends."""

    def edit(location: str | None = None, **sections: Any) -> None:
        if location:
            deployed.project.pulumi("config", "set", "azure-native:location", location)
        deployed.project.edit(**sections)

    yield edit
    deployed.file.write_text(deployed.config)


@pytest.fixture
def plan(deployed: Deployed, edited: Callable[..., None]) -> Callable[..., dict[str, str]]:
    """`plan(**sections)`: what would happen with these in the place of what was deployed."""

    def planned(location: str | None = None, **sections: Any) -> dict[str, str]:
        edited(location, **sections)
        return deployed.stack.plan()

    return planned


def test_without_an_edit_nothing_would_happen(plan: Any) -> None:
    assert plan() == {}


def cluster(**changes: Any) -> dict[str, Any]:
    return {"cluster": {**CLUSTER, **changes}}


def image(**changes: Any) -> dict[str, Any]:
    return {"image": {**IMAGE, **changes}}


def over(**outcomes: str) -> dict[str, str]:
    """A new image, and what is named by its content: the old one stays until the new one is there."""
    return {BUILD: NEW_FIRST, ENVIRONMENT: NEW_FIRST, **outcomes}


EDITS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    # A cluster: in place what the service can change, else the old one goes first.
    "more nodes": (cluster(max_nodes=8), {COMPUTE: UPDATED}),
    "fewer nodes": (cluster(max_nodes=1), {COMPUTE: UPDATED}),
    "nodes that are always on": (cluster(min_nodes=1), {COMPUTE: UPDATED}),
    "a longer idle time": (cluster(idle="10m"), {COMPUTE: UPDATED}),
    "another size by name": (cluster(size="gpu-large"), {COMPUTE: OLD_FIRST}),
    "another size by SKU": (cluster(size="Standard_NC8as_T4_v3"), {COMPUTE: OLD_FIRST}),
    "the same size by SKU": (cluster(size="Standard_NC4as_T4_v3"), {}),
    "spot nodes": (cluster(spot=True), {COMPUTE: OLD_FIRST}),
    "a subnet": (cluster(subnet=SUBNET.format("00000000-0000-0000-0000-000000000001")), {COMPUTE: OLD_FIRST}),
    "a way to log in": (cluster(ssh_user="me", ssh_public_key="ssh-ed25519 AAAA"), {COMPUTE: OLD_FIRST}),
    "a cluster of another name": (cluster(name="big"), {COMPUTE: OLD_FIRST}),
    "what is the default, written out": (cluster(min_nodes=0, idle="120s", spot=False, name="gpu-cluster"), {}),
    "no cluster": ({"cluster": {"serverless": True}}, {COMPUTE: DELETED}),
    # An image: built again for what is in it, and for nothing else.
    "a build argument": (image(arguments={"A": "1"}), over()),
    "a Dockerfile as text": (image(dockerfile_text="FROM scratch\n"), over()),
    "another repository": (image(repository="team/fastai"), over()),
    "another name of the environment": (image(environment="fastai3", repository="fastai2"), {ENVIRONMENT: NEW_FIRST}),
    "a longer build": (image(timeout="2h"), {BUILD: UPDATED}),
    "what Ctrl-C does": (image(on_interrupt="cancel"), {BUILD: UPDATED}),
    "the same Dockerfile by its path": (image(dockerfile="image/Dockerfile"), {}),
    "an existing image": (
        {"image": {"builder": "prebuilt", "reference": DIGEST}},
        {BUILD: DELETED, ENVIRONMENT: NEW_FIRST, f"access-{PERSON}-registry-contributor": DELETED},
    ),
    "the image built by Docker": (
        {"image": {**IMAGE, "builder": "docker"}},
        {
            BUILD: DELETED,
            f"{BUILD} by docker": CREATED,
            ENVIRONMENT: NEW_FIRST,
            f"access-{PERSON}-registry-contributor": DELETED,
            f"access-{PERSON}-registry-acr-push": CREATED,
        },
    ),
    # A registry keeps its images.
    "a larger registry": ({"registry": {"sku": "Standard"}}, {REGISTRY: UPDATED}),
    "the registry's default size": ({"registry": None}, {}),
    # Who may do what.
    "one person more": (
        {"access": {"users": [PERSON, OTHER]}},
        {f"access-{OTHER}-{grant}": CREATED for grant in (*GRANTS, "registry-contributor")},
    ),
    "a person less": (
        {"access": {"users": []}},
        {f"access-{PERSON}-{grant}": DELETED for grant in (*GRANTS, "registry-contributor")},
    ),
    # Data.
    "another folder of data": (("path", "cats"), {VERSION: OLD_FIRST}),
    "another container": (("container", "dogs"), {STORE: UPDATED, VERSION: OLD_FIRST}),
    "a version of its own": (("version", "2026-11"), {VERSION: OLD_FIRST}),
    "no data": ({"data": {}}, {STORE: DELETED, VERSION: DELETED, READS: DELETED}),
    # The rest.
    "another tag": ({"tags": {"team": "speech"}}, dict.fromkeys(TAGGED, UPDATED)),
    "protection": ({"protect": True}, {}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_does_this_and_nothing_else(deployed: Deployed, plan: Any, edit: str) -> None:
    sections, expected = EDITS[edit]
    if isinstance(sections, tuple):
        key, value = sections
        sections = {"data": {"pets": {**deployed.sections()["data"]["pets"], key: value}}}
    assert plan(**sections) == expected


def test_a_changed_file_builds_the_image_again_and_an_ignored_one_does_not(deployed: Deployed, plan: Any) -> None:
    context = deployed.project.folder / "image"
    (context / "noise.log").write_text("ignored")
    assert plan() == {}
    (context / "a.txt").write_text("other")
    assert plan() == over()
    (context / "a.txt").write_text("hello")


VAULT, DATA = f"{STACK}-kv", "trainuptestdata"
EVERYTHING = ["registry", "storage", "workspace"]
ANEW = dict.fromkeys((REGISTRY, VAULT, DATA, ML), NEW_FIRST)
LOSING: dict[str, tuple[dict[str, Any], list[str], dict[str, str]]] = {
    "another region": ({"location": "northeurope"}, EVERYTHING, ANEW),
    "another group": ({"workspace": {"resource_group": "team"}}, EVERYTHING, ANEW),
    "a workspace of another name": ({"workspace": {"name": "vision"}}, ["workspace"], {ML: NEW_FIRST}),
    "an existing workspace": (
        {"workspace": {"id": "theirs"}},
        EVERYTHING,
        {REGISTRY: NEW_FIRST, **dict.fromkeys((VAULT, DATA, ML), DELETED)},
    ),
    "a registry of another name": (
        {"registry": {"name": "visionimages"}},
        ["registry"],
        {REGISTRY: NEW_FIRST, ML: UPDATED},
    ),
    "an existing registry": ({"registry": {"id": "theirs"}}, ["registry"], {REGISTRY: DELETED, ML: UPDATED}),
    "an image that needs no registry": (
        {"registry": None, "image": {"builder": "prebuilt", "reference": DIGEST}},
        ["registry"],
        {REGISTRY: DELETED, ML: UPDATED},
    ),
}
"""Edit → what it would lose, and what becomes of that when it may."""


@pytest.mark.parametrize("edit", LOSING)
def test_what_holds_data_is_lost_only_when_that_is_said(
    deployed: Deployed, edited: Callable[..., None], plan: Callable[..., dict[str, str]], edit: str
) -> None:
    given, lost, outcome = LOSING[edit]
    theirs = {"workspace": {"id": deployed.sample.workspace}, "registry": {"id": deployed.sample.registry}}
    sections = {key: theirs[key] if value == {"id": "theirs"} else value for key, value in given.items()}
    edited(**sections)
    said = deployed.stack.refused()
    assert [noun for noun in EVERYTHING if f"list '{noun}' in trainup:discard" in said] == lost
    planned = plan(**sections, discard=lost)
    assert {name: planned[name] for name in planned.keys() & {REGISTRY, VAULT, DATA, ML}} == outcome
