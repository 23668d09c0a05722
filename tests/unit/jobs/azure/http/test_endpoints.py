"""Which cloud is spoken to: as azure-native finds it."""

import pytest

from trainup.core.clouds import CHINA, PUBLIC, US_GOVERNMENT, Cloud
from trainup.jobs.azure.http import endpoints
from trainup.jobs.azure.http.endpoints import Endpoints, find_endpoints


@pytest.mark.parametrize(
    ("cloud", "variables", "found"),
    [
        (None, {}, PUBLIC),
        (None, {"ARM_ENVIRONMENT": "china"}, CHINA),
        ("usgovernment", {"ARM_ENVIRONMENT": "china"}, US_GOVERNMENT),
        ("public", {"ARM_ENVIRONMENT": "china"}, PUBLIC),
    ],
)
def test_what_the_stack_says_wins_over_the_variable(cloud: str | None, variables: dict[str, str], found: Cloud) -> None:
    told = find_endpoints(cloud, variables)
    assert (told.resource_manager, told.storage_suffix) == (found.resource_manager, found.storage_suffix)


@pytest.mark.parametrize(
    ("cloud", "variables", "asked"),
    [
        (None, {"ARM_METADATA_HOSTNAME": "theirs.example.com"}, "theirs.example.com"),
        ("usgovernment", {"ARM_METADATA_HOSTNAME": "theirs.example.com"}, "theirs.example.com"),
        ("ours.example.com", {"ARM_METADATA_HOSTNAME": "theirs.example.com"}, "ours.example.com"),
        ("localhost:1", {"ARM_ENVIRONMENT": "china"}, "localhost:1"),
    ],
)
def test_a_host_that_describes_a_cloud_wins_over_a_name(
    monkeypatch: pytest.MonkeyPatch, cloud: str | None, variables: dict[str, str], asked: str
) -> None:
    hosts: list[str] = []
    told = find_endpoints("public", {})

    def describe(host: str) -> Endpoints:
        hosts.append(host)
        return told

    monkeypatch.setattr(endpoints, "_from_metadata", describe)
    assert find_endpoints(cloud, variables) == told
    assert hosts == [asked]


@pytest.mark.parametrize(
    ("cloud", "audience"),
    [
        ("public", "https://containerregistry.azure.net"),
        ("usgovernment", "https://management.usgovcloudapi.net"),
        ("china", "https://management.chinacloudapi.cn"),
    ],
)
def test_registries_have_an_audience_of_their_own_where_one_is_documented(cloud: str, audience: str) -> None:
    assert find_endpoints(cloud, {}).registry_audience == audience
