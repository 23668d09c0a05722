"""The tables of Azure's names, sizes, roles, clouds and ids."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core import azure_ids, clouds, clusters, duration, images, sizes
from trainup.core.azure_names import RULES, SUFFIX_CHARS, check_name, stem
from trainup.core.roles import Role, Scope, assignment_name, definition_id, submitter_roles

GOOD = {
    "workspace": ["abc", "9ab", "a" * 32, "a_b-c"],
    "cluster": ["gpu-cluster", "a-1b", "abc123", "a" * 24],
    "connection": ["abc", "9-a"],
    "environment": ["fastai2", "a", "my-AzureML-env", "a" * 255],
    "data": ["pets", "9"],
    "model": ["digits", "9"],
    "datastore": ["pets_1"],
    "job": ["digits-0123456789ab-a2"],
    "experiment": ["Tutorial fastai", "a" * 256],
    "endpoint": ["pets", "a-1"],
    "deployment": ["blue"],
    "registry": ["abcde", "9" * 50],
    "task": ["a_b-c"],
    "task_run": ["a-b-c"],
    "storage": ["abc", "9" * 24],
    "vault": ["abc", "a-b", "A" + "1" * 23],
    "vault_secret": ["A-1", "a" * 127],
    "log_analytics": ["abcd", "a" * 63],
    "resource_group": ["a", "(a).b_c-d", "a" * 90],
    "container": ["abc", "a-b"],
    "repository": ["fastai2", "team/fastai-2"],
}
BAD = {
    "workspace": ["ab", "-ab", "a" * 33, "a b", "a.b"],
    "cluster": ["ab", "9ab", "gpu-1", "gpu-cluster-42", "a" * 25, "a_b"],
    "connection": ["ab", "a" * 33],
    "environment": ["", "AzureML-mine", "azureml-mine", "Microsoftish", "a" * 256, "a b", "-a"],
    "data": ["", "a/b"],
    "model": ["", "a/b"],
    "datastore": ["a-b", ""],
    "job": ["", "-a", "a" * 256],
    "experiment": ["", "a\nb", "a" * 257],
    "endpoint": ["ab", "1ab", "a" * 33, "ab-"],
    "deployment": ["ab", "a_b"],
    "registry": ["abcd", "Abcde", "ab-cd", "a" * 51],
    "task": ["abcd", "a b c"],
    "task_run": ["abcd", "a_b_c"],
    "storage": ["ab", "Abc", "a-b", "a" * 25],
    "vault": ["ab", "1ab", "a--b", "ab-", "a" * 25, "a_b"],
    "vault_secret": ["", "a_b", "a" * 128],
    "log_analytics": ["abc", "-abc", "abc-", "a" * 64],
    "resource_group": ["", "a.", "a b", "a" * 91],
    "container": ["ab", "a--b", "Abc", "-ab"],
    "repository": ["", "Fastai", "a//b", "a:b", "-a"],
}


def test_every_rule_has_names_that_fit_and_names_that_do_not() -> None:
    assert GOOD.keys() == BAD.keys() == RULES.keys()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in GOOD.items() for name in names])
def test_a_name_that_azure_takes_is_taken(kind: str, name: str) -> None:
    assert check_name(kind, name) is None


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in BAD.items() for name in names])
def test_a_name_that_azure_refuses_is_refused_with_the_rule(kind: str, name: str) -> None:
    problem = check_name(kind, name)
    assert problem is not None
    assert problem.startswith(repr(name))
    assert problem.endswith(RULES[kind].words)


MADE_UP = [("storage", 24, "data", ""), ("vault", 24, "kv", "-"), ("workspace", 32, "ml", "-")]
MADE_UP += [("registry", 50, "images", ""), ("log_analytics", 63, "logs", "-"), ("resource_group", 90, "group", "-")]


@given(name=st.text(min_size=1, max_size=80), suffix=st.text("0123456789abcdef", min_size=8, max_size=8))
@pytest.mark.parametrize(("kind", "limit", "role", "separator"), MADE_UP)
def test_whatever_a_stack_is_called_azure_takes_the_names_made_of_it(
    kind: str, limit: int, role: str, separator: str, name: str, suffix: str
) -> None:
    assert check_name(kind, stem(name, limit, role, separator) + suffix) is None
    assert len(suffix) == SUFFIX_CHARS


def test_long_names_that_begin_alike_stay_apart() -> None:
    long = "trainup-feature-with-a-long-name"
    assert stem(f"{long}-1", 24, "kv") != stem(f"{long}-2", 24, "kv")


@pytest.mark.parametrize(
    ("name", "sku"),
    [
        ("gpu-small", "Standard_NC4as_T4_v3"),
        ("GPU-Small", "Standard_NC4as_T4_v3"),
        ("standard_nc4as_t4_v3", "Standard_NC4as_T4_v3"),
        ("NC24ads_A100_v4", "Standard_NC24ads_A100_v4"),
        ("cpu-small", "Standard_DS3_v2"),
    ],
)
def test_a_size_goes_by_name_and_by_sku_in_any_case(name: str, sku: str) -> None:
    assert sizes.find_size(name).sku == sku


RETIRED = """NC6 NC12 NC24 NC24r NC6_Promo NC6s_v2 NC12s_v2 NC24s_v2 NC24rs_v2 NC6s_v3 NC12s_v3 NC24s_v3 NC24rs_v3
ND6s ND12s ND24s ND24rs NV6 NV12 NV24 NV12s_v3 NV24s_v3 NV48s_v3 NV4as_v4 NV8as_v4 NV16as_v4 NV32as_v4"""


@pytest.mark.parametrize("sku", RETIRED.split())
def test_a_retired_size_is_refused_with_a_successor_that_exists(sku: str) -> None:
    for written in (f"STANDARD_{sku}", sku.lower()):
        with pytest.raises(ValueError, match=r"was retired .* use (\S+) instead") as caught:
            sizes.find_size(written)
        successor = re.search(r"use (\S+) instead", str(caught.value))
        assert successor
        assert successor[1] in sizes.SIZES


@pytest.mark.parametrize("text", ["gpu-smal", "NC4as_T4", "big", "", "4 GPUs"])
def test_what_is_no_size_is_refused_with_the_nearest_and_the_names(text: str) -> None:
    with pytest.raises(ValueError, match="is no size") as caught:
        sizes.find_size(text)
    assert all(name in str(caught.value) for name in sizes.NAMES)
    if text == "NC4as_T4":
        assert "did you mean Standard_NC4as_T4_v3" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sku", "vcpus", "has_gpus", "gpu"),
    [
        ("Standard_D4s_v3", "Standard_D4s_v3", 4, False, ""),
        ("D16ads_v5", "Standard_D16ads_v5", 16, False, ""),
        ("STANDARD_ND96isr_MI300X_v5", "STANDARD_ND96isr_MI300X_v5", 96, True, "MI300X"),
        ("Standard_ND128isr_NDR_GB300_v6", "Standard_ND128isr_NDR_GB300_v6", 128, True, "GB300"),
        ("Standard_M8-2ms_v2", "Standard_M8-2ms_v2", 8, False, ""),
    ],
)
def test_any_sku_that_azure_may_sell_is_a_size(text: str, sku: str, vcpus: int, has_gpus: bool, gpu: str) -> None:
    size = sizes.find_size(text)
    assert (size.sku, size.vcpus, bool(size.gpus), size.gpu) == (sku, vcpus, has_gpus, gpu)


def test_a_regions_list_tells_cores_family_and_gpus_of_a_size_and_not_of_a_share() -> None:
    offer = {"name": "Standard_ND96isr_MI300X_v5", "family": "standardNDISv5MI300XFamily", "vCPUs": 96, "gpus": 8}
    size = sizes.of_offer(sizes.find_size("ND96isr_MI300X_v5"), offer)
    assert (size.family, size.vcpus, size.gpus) == ("standardNDISv5MI300XFamily", 96, 8)
    share = sizes.of_offer(sizes.find_size("Standard_NV6ads_A10_v5"), {"vCPUs": 6, "gpus": 1})
    assert share.gpus == pytest.approx(1 / 6)


def test_no_name_stands_for_a_size_that_regions_sell_for_endpoints_alone() -> None:
    assert not [name for name, sku in sizes.NAMES.items() if "A10_" in sku]
    assert not [old.series for old in sizes.RETIRED if "A10_" in old.successor]


def test_every_name_of_a_size_stands_for_a_size_that_exists() -> None:
    assert set(sizes.NAMES.values()) <= sizes.SIZES.keys()
    assert sizes.DEFAULT in sizes.NAMES


def test_a_size_without_spot_nodes_names_some_that_have_them() -> None:
    for sku in ("Standard_ND96isr_H100_v5", "Standard_NC80adis_H100_v5", "gpu-huge"):
        problem = sizes.check_spot(sizes.find_size(sku))
        assert problem is not None
        assert "Standard_NC24ads_A100_v4" in problem
    assert sizes.check_spot(sizes.find_size("Standard_NC96ads_A100_v4")) is None
    assert sizes.check_spot(sizes.find_size("gpu-small")) is None


@pytest.mark.parametrize(
    ("least", "most", "says"),
    [(2, 1, "min_nodes 2 is more than max_nodes 1"), (-1, 1, "min_nodes -1"), (0, 0, "max_nodes 0"), (0, 101, "101")],
)
def test_node_counts_that_make_no_sense_are_refused(least: int, most: int, says: str) -> None:
    assert says in (clusters.check_nodes(least, most) or "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "PT0S"),
        (45, "PT45S"),
        (120, "PT2M"),
        (3661, "PT1H1M1S"),
        (86400, "P1D"),
        (90061, "P1DT1H1M1S"),
        (864000, "P10D"),
    ],
)
def test_lengths_of_time_are_written_as_azure_reads_them(seconds: int, text: str) -> None:
    assert duration.iso_duration(seconds) == text


def test_a_clusters_answer_becomes_its_status() -> None:
    inner = {
        "allocationState": "Resizing",
        "currentNodeCount": 1,
        "targetNodeCount": 2,
        "nodeStateCounts": {"idleNodeCount": 1, "preemptedNodeCount": 0},
        "errors": [{"error": {"code": "ClusterCoreQuotaReached", "message": "no cores left"}}],
    }
    status = clusters.cluster_status({"name": "gpu-cluster", "properties": {"properties": inner}})
    assert status == clusters.ClusterStatus(
        "gpu-cluster", "Resizing", 1, 2, {"idle": 1, "preempted": 0}, ("ClusterCoreQuotaReached: no cores left",)
    )


def test_the_same_facts_always_name_the_same_assignment() -> None:
    name = assignment_name("/subscriptions/S/x", "P", Role.ACR_PULL)
    assert name == assignment_name("/SUBSCRIPTIONS/s/X", "p", Role.ACR_PULL)
    assert name == str(uuid.UUID(name))
    assert len({assignment_name("/s", "p", role) for role in Role}) == len(Role)
    assert definition_id("s", Role.ACR_PULL).endswith("/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d")


def test_nobody_gets_more_than_the_stack_uses() -> None:
    plain = submitter_roles(registry=False, cloud_build=True)
    assert all(scope is not Scope.REGISTRY for _, scope in plain)
    assert all(role is not Role.CONTRIBUTOR for role, _ in plain)
    assert set(submitter_roles(registry=True, cloud_build=False)) - set(plain) == {(Role.ACR_PUSH, Scope.REGISTRY)}
    assert set(submitter_roles(registry=True, cloud_build=True)) - set(plain) == {(Role.CONTRIBUTOR, Scope.REGISTRY)}


@pytest.mark.parametrize("name", ["koreacentral", "Korea Central", "WestEurope"])
def test_a_region_is_taken_as_people_write_it(name: str) -> None:
    assert clouds.check_region(name, clouds.PUBLIC) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("westeuropa", "did you mean westeurope"),
        ("moon", "az account list-locations"),
        ("usgovvirginia", "set azure-native:environment to usgovernment"),
    ],
)
def test_an_unknown_region_is_refused_with_the_way_out(name: str, says: str) -> None:
    assert says in (clouds.check_region(name, clouds.PUBLIC) or "")


def test_an_unknown_cloud_is_refused_with_those_there_are() -> None:
    assert clouds.find_cloud("USGovernment") is clouds.US_GOVERNMENT
    with pytest.raises(ValueError, match="'moon' is no Azure cloud; there are public, usgovernment, china"):
        clouds.find_cloud("moon")


def test_an_id_is_taken_apart_and_put_together() -> None:
    text = f"/subscriptions/{uuid.UUID(int=1)}/resourceGroups/g/providers/{azure_ids.CLUSTER.replace('/computes', '')}"
    text += "/w/computes/c"
    parsed = azure_ids.parse_id(text, azure_ids.CLUSTER)
    assert str(parsed) == text
    assert (parsed.name, parsed.names, parsed.resource_group) == ("c", ("w", "c"), "g")
    with pytest.raises(ValueError, match="it has the form /subscriptions/<id>/resourceGroups/<name>/providers/Micro"):
        azure_ids.parse_id(text, azure_ids.WORKSPACE)


@pytest.mark.parametrize(
    ("text", "server", "repository", "tag"),
    [
        ("fastdotai/fastai2:latest", "docker.io", "fastdotai/fastai2", "latest"),
        ("python", "docker.io", "library/python", None),
        ("mcr.microsoft.com/azureml/x:20260101.v1", "mcr.microsoft.com", "azureml/x", "20260101.v1"),
        ("localhost:5000/a:b", "localhost:5000", "a", "b"),
    ],
)
def test_an_image_reference_is_taken_apart(text: str, server: str, repository: str, tag: str | None) -> None:
    digest = "sha256:" + "0" * 64
    for full, expected in ((text, None), (f"{text}@{digest}", digest)):
        assert images.parse_reference(full) == images.ImageReference(server, repository, tag, expected)


@pytest.mark.parametrize("text", ["", "A/b", "a b", "a:b:c", "a@sha256:12", "https://x/y"])
def test_what_is_no_image_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no image reference"):
        images.parse_reference(text)


def test_an_environments_version_follows_its_content() -> None:
    assert images.environment_version("a") == images.environment_version("a")
    versions = {images.environment_version(*args) for args in (("a",), ("b",), ("a", "x"), ("a", ""))}
    assert len(versions) == 4


def test_a_conda_file_of_pip_packages_is_yaml_whatever_they_are_called() -> None:
    import yaml

    text = images.conda_from_pip(["fastai==2.8", "it's"])
    assert yaml.safe_load(text)["dependencies"] == ["python=3.11", "pip", {"pip": ["fastai==2.8", "it's"]}]
