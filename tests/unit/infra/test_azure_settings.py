"""The configuration of stacks on Azure: what Azure would refuse is refused before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from trainup.core.images import ImageBuilder
from trainup.core.roles import PrincipalType
from trainup.infra import settings, stack_config
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.stack_config import StackConfig

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers"
ML = f"{GROUP}/Microsoft.MachineLearningServices/workspaces/ws"
ACR = f"{GROUP}/Microsoft.ContainerRegistry/registries/images"
STORAGE = f"{GROUP}/Microsoft.Storage/storageAccounts/pets"
PERSON = "22222222-2222-2222-2222-222222222222"
PASSWORD = "planted-5ecret"
BUILT = {"context": "training"}
FOUND = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai:1"}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.yml").write_text("dependencies: [\n- pip: }\n")
    placeholder = {"subscription_id": "<id>", "resource_group": "g", "workspace_name": "ws"}
    (tmp_path / "placeholder.json").write_text(json.dumps(placeholder))
    (tmp_path / "list.yml").write_text("- pip\n")
    (tmp_path / "local.yml").write_text("dependencies:\n- pip\n- pip:\n  - git+https://g/x\n")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    monkeypatch.setattr(pulumi, "get_project", lambda: "trainup")
    monkeypatch.setattr(stack_config, "get_root_directory", lambda: str(tmp_path))
    monkeypatch.setattr(stack_config, "get_config_env", dict)


class _Box:
    def __init__(self, value: dict[str, str]) -> None:
        self._value = value

    def get(self) -> dict[str, str]:
        return self._value


def _load(provider: dict[str, str] | None = None, secrets: tuple[str, ...] = (), **sections: Any) -> AzureSettings:
    given = {"target": "azure", "image": BUILT, **sections}
    texts = {f"trainup:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    texts |= {f"azure-native:{key}": value for key, value in (provider or {"location": "westeurope"}).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack_config, "CONFIG", _Box(texts))
        patch.setattr(stack_config, "is_config_secret", lambda key: key.removeprefix("trainup:") in secrets)
        loaded = settings.load(StackConfig.read())
    assert isinstance(loaded, AzureSettings)
    return loaded


def _problems(provider: dict[str, str] | None = None, secrets: tuple[str, ...] = (), **sections: Any) -> list[str]:
    with pytest.raises(pulumi.RunError) as caught:
        _load(provider, secrets, **sections)
    first, *problems = str(caught.value).splitlines()
    assert first == f"Pulumi.test.yaml has {len(problems)} problem(s):"
    return [problem.strip() for problem in problems]


def test_two_facts_and_a_dockerfile_are_a_whole_stack() -> None:
    wanted = _load()
    assert wanted.cluster.name == "gpu-cluster"
    assert wanted.cluster.node_limit == 4
    assert wanted.cluster.min_nodes == 0
    assert wanted.cluster.idle_seconds == 120
    assert wanted.image.builder is ImageBuilder.ACR
    assert wanted.image.environment == "fastai2"
    assert wanted.image.user_managed_dependencies
    assert wanted.protect
    assert wanted.uses_azure_registry


REFUSED: list[tuple[dict[str, Any], str]] = [
    # names
    ({"workspace": {"name": "ab"}}, "trainup:workspace.name: 'ab' is no name for a workspace"),
    ({"workspace": {"resource_group": "a."}}, "trainup:workspace.resource_group: 'a.' is no name for a resource group"),
    ({"registry": {"name": "my-images"}}, "trainup:registry.name: 'my-images' is no name for a container registry"),
    ({"cluster": {"name": "gpu-42"}}, "trainup:cluster.name: 'gpu-42' is no name for a cluster"),
    ({"cluster": {"name": "9gpu"}}, "trainup:cluster.name: '9gpu' is no name for a cluster"),
    ({"image": {**BUILT, "environment": "AzureML-x"}}, "trainup:image.environment: 'AzureML-x' is no name for an env"),
    ({"image": {**BUILT, "repository": "Fastai"}}, "trainup:image.repository: 'Fastai' is no name for an image repo"),
    ({"data": {"a b": {"storage": STORAGE, "container": "pets"}}}, "trainup:data.a b: 'a b' is no name for a data"),
    ({"data": {"a": {"storage": STORAGE, "container": "Pets"}}}, "trainup:data.a.container: 'Pets' is no name for"),
    # ids
    ({"workspace": {"id": "ws"}}, "trainup:workspace.id: 'ws' is no id of Microsoft.MachineLearningServices/workspac"),
    ({"registry": {"id": ML}}, f"trainup:registry.id: '{ML}' is no id of Microsoft.ContainerRegistry/registries"),
    ({"cluster": {"id": ML}}, f"trainup:cluster.id: '{ML}' is no id of Microsoft.MachineLearningServices/workspaces/c"),
    ({"cluster": {"subnet": "net"}}, "trainup:cluster.subnet: 'net' is no id of Microsoft.Network/virtualNetworks/sub"),
    ({"data": {"a": {"storage": "x", "container": "pets"}}}, "trainup:data.a.storage: 'x' is no id of Microsoft.Stor"),
    (
        {"access": {"users": [PERSON], "groups": [PERSON]}},
        f"trainup:access: {PERSON} is in two lists, and an id belongs to one kind",
    ),
    ({"access": {"users": ["me@example.com"]}}, "trainup:access.users[0]: 'me@example.com' is no id: it is 32 hex"),
    # nodes
    ({"cluster": {"size": "STANDARD_NC6"}}, "trainup:cluster.size: 'STANDARD_NC6' was retired in 2023 with all of"),
    ({"cluster": {"gpu": "A100", "size": "gpu-large"}}, "trainup:cluster: `gpu` and `size` exclude each other"),
    ({"cluster": {"gpus": 2}}, "trainup:cluster: `gpus` says how many of `gpu` a node has"),
    ({"cluster": {"gpu": "A100", "gpus": 0}}, "trainup:cluster: gpus is 0"),
    ({"cluster": {"size": "gpu-smal"}}, "trainup:cluster.size: 'gpu-smal' is no size: did you mean"),
    ({"cluster": {"min_nodes": 3, "max_nodes": 2}}, "trainup:cluster: min_nodes 3 is more than max_nodes 2"),
    ({"cluster": {"max_nodes": 0}}, "trainup:cluster: min_nodes 0 and max_nodes 0"),
    (
        {"cluster": {"size": "NC80adis_H100_v5", "spot": True}},
        "trainup:cluster: Azure has no spot nodes of Standard_NC80",
    ),
    (
        {"cluster": {"ssh_user": "me"}},
        "trainup:cluster: logging in to nodes needs both `ssh_user` and `ssh_public_key`",
    ),
    ({"cluster": {"serverless": True, "max_nodes": 2}}, "trainup:cluster: `serverless` and `max_nodes` exclude each"),
    ({"cluster": {"id": f"{ML}/computes/c", "size": "gpu-small"}}, "trainup:cluster: `id` and `size` exclude each"),
    ({"cluster": {"idle": "soon"}}, "trainup:cluster.idle: 'soon' is no length of time"),
    # images
    (
        {"image": {**BUILT, "reference": "a:b"}},
        "trainup:image: `reference` is for the builder prebuilt, and the builder",
    ),
    ({"image": {"builder": "prebuilt"}}, "trainup:image: the builder prebuilt takes an existing image: name it with"),
    ({"image": {**FOUND, "dockerfile": "D"}}, "trainup:image: `reference` and `dockerfile` exclude each other"),
    ({"image": {**FOUND, "reference": "A b"}}, "trainup:image.reference: 'A b' is no image reference"),
    (
        {"image": {**BUILT, "dockerfile": "training/Dockerfile", "dockerfile_text": "FROM x"}},
        "trainup:image: `dockerfile` and `dockerfile_text` exclude each other: keep one of them",
    ),
    ({"image": {**BUILT, "builder": "docker", "dockerfile_text": "F"}}, "trainup:image: the builder docker reads the"),
    ({"image": {"context": "empty"}}, "trainup:image: there is no empty/Dockerfile: write one, name another with"),
    ({"image": {"context": "nowhere"}}, "trainup:image: there is no folder nowhere to build from"),
    ({"image": {**FOUND, "pip": ["x"]}}, "trainup:image: `conda` and `pip` install on top of an image: set `user_man"),
    (
        {"image": {**FOUND, "user_managed_dependencies": False}},
        "trainup:image: `user_managed_dependencies: false` lets",
    ),
    (
        {"image": {**FOUND, "user_managed_dependencies": False, "conda": "env.yml"}},
        "trainup:image: there is no file env.yml",
    ),
    (
        {"image": {**FOUND, "user_managed_dependencies": False, "conda": "training/Dockerfile", "pip": ["x"]}},
        "trainup:image: `conda` and `pip` exclude each other: keep one of them",
    ),
    ({"image": {"builder": "kaniko"}}, "trainup:image.builder: 'kaniko' was given."),
    (
        {"image": {**FOUND, "user_managed_dependencies": False, "conda": "broken.yml"}},
        "trainup:image: broken.yml is no YAML in line 2: ",
    ),
    (
        {"image": {**FOUND, "user_managed_dependencies": False, "pip": ["x @ ./x.whl", "-r more.txt"]}},
        "trainup:image: pip names a local path ('x @ ./x.whl'): ",
    ),
    (
        {"image": {**FOUND, "user_managed_dependencies": False, "conda": "local.yml"}},
        "trainup:image: local.yml names no commit ('git+https://g/x'): ",
    ),
    (
        {"image": {**FOUND, "user_managed_dependencies": False, "conda": "list.yml"}},
        "trainup:image: list.yml is no Conda file: it has a list of `dependencies`",
    ),
    (
        {"image": {**FOUND, "timeout": "1h", "allow_secrets": []}},
        "trainup:image: `timeout` is for the builder acr, and the builder is prebuilt",
    ),
    ({"image": {**BUILT, "on_interrupt": "stop"}}, "trainup:image.on_interrupt: 'stop' was given."),
    ({"image": {**BUILT, "timeout": "soon"}}, "trainup:image.timeout: 'soon' is no length of time"),
    (
        {"image": FOUND, "registry": {"server": "docker.io", "username": "team"}, "registry_password": PASSWORD},
        "trainup:image: the image comes from 'ghcr.io', and the login in trainup:registry is for 'docker.io'",
    ),
    # registries
    ({"registry": {"id": ACR, "name": "images"}}, "trainup:registry: `id` and `name` exclude each other"),
    ({"registry": {"server": "ghcr.io"}}, "trainup:registry: a registry outside of Azure needs both `server` and `use"),
    (
        {"registry": {"server": "https://ghcr.io/team", "username": "team"}},
        "trainup:registry.server: 'https://ghcr.io/team' is no host of a registry: it is a name such as ghcr.io, with "
        "a port or without: write ghcr.io",
    ),
    (
        {"registry": {"server": "ghcr.io", "username": "team"}},
        "trainup:registry_password: the registry's user name asks for this secret, and it is not set; set it with "
        "`pulumi config set --secret trainup:registry_password`",
    ),
    (
        {"registry": {"server": "ghcr.io", "username": "team"}, "registry_password": PASSWORD},
        "trainup:registry_password: it is a secret of the registry's user name, but stored as plain text",
    ),
    (
        {"registry": {"server": "ghcr.io", "username": "team", "password": PASSWORD}},
        "trainup:registry.password: a password does not belong here, in plain text: remove it, and "
        "`pulumi config set --secret trainup:registry_password`",
    ),
    (
        {"data": {"pets": {"storage": STORAGE, "container": "pets", "key": "petsKey"}}},
        "trainup:petsKey: the data pets asks for this secret, and it is not set",
    ),
    (
        {"data": {"pets": {"storage": STORAGE, "container": "pets", "key": f"{PASSWORD}=="}}},
        "trainup:data.pets.key: this names a config secret, and what is given is no name: set the value itself with",
    ),
    (
        {"runs": {"a": {"command": "x", "secrets": [f"{PASSWORD}=="]}}},
        "trainup:runs.a.secrets: number 1 of the list is not shown, for it may be the secret itself",
    ),
    (
        {"data": {name: {"storage": STORAGE, "container": "pets"} for name in ("a-b", "a_b")}},
        "trainup:data: 'a-b' and 'a_b' differ in dashes and underscores alone",
    ),
    (
        {"data": {"workspaceblobstore": {"storage": STORAGE, "container": "pets"}}},
        "trainup:data: 'workspaceblobstore' is a datastore that every workspace has already: choose another name",
    ),
    # workspaces
    ({"workspace": {"id": ML, "name": "mine"}}, "trainup:workspace: `id` and `name` exclude each other"),
    ({"workspace": {"config": "training"}}, "trainup:workspace.config: "),
    ({"workspace": {"config": "placeholder.json"}}, "trainup:workspace.config: "),
    (
        {"cluster": {"id": f"{ML}/computes/c"}},
        "trainup:cluster.id: the cluster belongs to another workspace than the stack's: set trainup:workspace.id to",
    ),
    # the rest
    ({"tags": {"x" * 129: "y"}}, "trainup:tags."),
    ({"tags": {"cost/centre": "1"}}, "trainup:tags.cost/centre: 'cost/centre' is no name for a tag: it has no /"),
    ({"tags": {str(number): "" for number in range(48)}}, "trainup:tags: 48 tags are given: a resource of Azure has"),
    ({"clutser": {}}, "trainup:clutser: there is no such key; there are target, workspace, registry, cluster, image"),
    ({"cluster": {"sise": "x"}}, "trainup:cluster.sise: there is no such key"),
    ({"runs": {"a": {"command": "x", "nodes": 5}}}, "trainup:runs.a.nodes: 5 nodes never start on a cluster with max"),
]


@pytest.mark.parametrize(("sections", "says"), REFUSED, ids=[says.split(":")[1] for _, says in REFUSED])
def test_what_cannot_be_is_refused_by_key_with_the_way_out(sections: dict[str, Any], says: str) -> None:
    found = _problems(**sections)
    assert any(problem.startswith(says) for problem in found), found
    assert PASSWORD not in "".join(found)


PROVIDER: list[tuple[dict[str, str], str]] = [
    ({"subscriptionId": PERSON}, "azure-native:location: it is not set: `pulumi config set azure-native:location <reg"),
    ({"location": "westeuropa"}, "azure-native:location: 'westeuropa' is no region of Azure: did you mean westeurope"),
    (
        {"location": "chinaeast2"},
        "azure-native:location: 'chinaeast2' is a region of another cloud: set azure-native:e",
    ),
    (
        {"location": "westeurope", "environment": "moon"},
        "azure-native:environment: 'moon' is no Azure cloud; there are",
    ),
    ({"location": "westeurope", "subscriptionId": "mine"}, "azure-native:subscriptionId: 'mine' is no id"),
    *(
        ({"location": "westeurope", name: PASSWORD}, f"azure-native:{name}: it is a secret, but stored as plain text")
        for name in ("clientSecret", "clientCertificatePassword", "oidcToken", "oidcRequestToken")
    ),
]


def test_what_a_stack_adds_to_a_workspace_is_made_in_the_same_subscription() -> None:
    (problem,) = _problems({"location": "westeurope", "subscriptionId": PERSON}, workspace={"id": ML})
    assert problem.startswith(f"azure-native:subscriptionId: it is {PERSON}, and the workspace in trainup:workspace")
    assert _load(workspace={"id": ML}).workspace.id == ML


@pytest.mark.parametrize(("provider", "says"), PROVIDER)
def test_what_the_provider_reads_is_judged_as_well(provider: dict[str, str], says: str) -> None:
    found = _problems(provider)
    assert any(problem.startswith(says) for problem in found), found
    assert PASSWORD not in "".join(found)


def test_a_login_of_the_provider_that_is_a_secret_is_taken() -> None:
    _load({"location": "westeurope", "clientSecret": PASSWORD}, ("azure-native:clientSecret",))


def test_every_mistake_is_in_one_message() -> None:
    found = _problems(
        {"location": "westeuropa", "subscriptionId": "mine"},
        workspace={"name": "ab"},
        cluster={"name": "gpu-42", "size": "NC6", "min_nodes": -1},
        image={"builder": "prebuilt", "dockerfile": "D", "pip": ["x"]},
        registry={"password": PASSWORD},
        clutser={},
    )
    assert {problem.split(": ")[0] for problem in found} == {
        "azure-native:location",
        "azure-native:subscriptionId",
        "trainup:workspace.name",
        "trainup:cluster.name",
        "trainup:cluster.size",
        "trainup:image",
        "trainup:registry.password",
        "trainup:clutser",
    }


def test_a_section_tells_all_that_does_not_fit_together_at_once() -> None:
    (problem,) = _problems(cluster={"min_nodes": 3, "max_nodes": 2, "ssh_user": "me"})
    assert "min_nodes 3 is more" in problem
    assert "needs both `ssh_user`" in problem


def test_a_region_in_a_sovereign_cloud_is_one() -> None:
    provider = _load({"location": "USGov Virginia", "environment": "usgovernment"}).azure_native
    assert provider.location == "usgovvirginia"
    assert provider.storage_suffix == "core.usgovcloudapi.net"
    assert provider.cloud == "usgovernment"


def test_a_cloud_of_ones_own_has_regions_of_its_own() -> None:
    provider = _load({"location": "basement", "metadataHost": "cloud.example.com"}).azure_native
    assert provider.location == "basement"
    assert provider.cloud == "cloud.example.com"
    assert provider.storage_suffix is None  # which that cloud alone knows


def test_what_a_stack_says_nothing_about_is_left_to_the_variables() -> None:
    assert _load().azure_native.cloud is None


def test_an_existing_image_needs_no_registry_and_an_image_with_packages_does() -> None:
    assert not _load(image=FOUND).uses_azure_registry
    assert _load(image=FOUND).login_server == "ghcr.io"
    assert _load(image=FOUND, registry={"id": ACR}).uses_azure_registry
    assert _load(image={**FOUND, "user_managed_dependencies": False, "pip": ["x"]}).uses_azure_registry


def test_an_image_in_a_registry_of_azure_that_nothing_names_is_noticed() -> None:
    theirs = {**FOUND, "reference": "team.azurecr.io/fastai:1"}
    assert _load(image=theirs).unnamed_registry == "team.azurecr.io"
    assert _load(image=theirs, registry={"id": ACR}).unnamed_registry is None
    assert _load(image=FOUND).unnamed_registry is None
    attached = {"workspace": {"id": ML}, "cluster": {"id": f"{ML}/computes/c"}}
    assert _load(image=theirs, **attached).unnamed_registry is None  # its nodes have what they have


def test_a_private_registry_comes_with_a_secret() -> None:
    wanted = _load(
        image=FOUND,
        registry={"server": "ghcr.io", "username": "team"},
        registry_password=PASSWORD,
        secrets=("registry_password",),
    )
    assert not wanted.uses_azure_registry
    assert PASSWORD not in repr(wanted)


def test_the_builder_acr_builds_nowhere_else() -> None:
    (problem,) = _problems(
        registry={"server": "ghcr.io", "username": "team"},
        registry_password=PASSWORD,
        secrets=("registry_password",),
    )
    assert problem.startswith("trainup:image: the builder acr builds in a registry of Azure")


def test_principals_are_what_the_list_says() -> None:
    access = _load(access={"users": [PERSON], "groups": [PERSON.replace("2", "3")]}).access
    assert access.principals == {PERSON: PrincipalType.USER, PERSON.replace("2", "3"): PrincipalType.GROUP}


def test_an_id_is_the_same_however_it_is_written() -> None:
    person = PERSON.replace("2", "a")
    assert list(_load(access={"users": [person, person.upper(), person]}).access.principals) == [person]


def test_a_local_stack_has_none_of_these_keys() -> None:
    with pytest.raises(pulumi.RunError, match="trainup:access: there is no such key; there are target, workspace, clu"):
        _load(target="local", image={}, access={})
