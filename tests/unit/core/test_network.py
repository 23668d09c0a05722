"""Variables that lead past proxies, read as the common clients read them."""

import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core import network

LISTS = st.lists(st.text("abc.-* ,19", max_size=8), max_size=4).map(",".join)
NAMES = ("no_proxy", "NO_PROXY", "no_grpc_proxy")


def parts(hosts: str) -> set[str]:
    return {part.strip() for part in hosts.split(",") if part.strip()}


def is_direct(hosts: str, host: str) -> bool:
    """As Python's own client decides, which reads as curl does."""
    return bool(urllib.request.proxy_bypass_environment(host, {"no": hosts}))  # type: ignore[attr-defined]


@given(st.dictionaries(st.sampled_from(NAMES), LISTS))
def test_this_machine_is_added_and_nothing_that_the_user_lists_is_lost(variables: dict[str, str]) -> None:
    found = network.direct(variables)
    for name in ("no_proxy", "NO_PROXY"):
        assert parts(found[name]) >= parts(variables.get(name, ""))
        for host in ("localhost", "127.0.0.1:8080", "::1"):
            assert is_direct(found[name], host)
    assert parts(found.get("no_grpc_proxy", "")) >= parts(variables.get("no_grpc_proxy", "")) - {"*"}
    assert network.direct({**variables, **found}) == found


def test_each_spelling_keeps_its_own_list_and_one_alone_counts_for_both() -> None:
    assert network.direct({"NO_PROXY": "corp.example"}) == {
        "no_proxy": "corp.example,localhost,127.0.0.1,::1",
        "NO_PROXY": "corp.example,localhost,127.0.0.1,::1",
    }
    found = network.direct({"NO_PROXY": "a.example", "no_proxy": " b.example , localhost"})
    assert found == {
        "no_proxy": "b.example,localhost,127.0.0.1,::1",
        "NO_PROXY": "a.example,localhost,127.0.0.1,::1",
    }


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_for_anything_stays_so_and_grpc_which_does_not_know_it_is_told_apart(name: str) -> None:
    found = network.direct({name: " * "})
    assert found == {"no_proxy": "*", "NO_PROXY": "*", "no_grpc_proxy": "localhost,127.0.0.1,::1"}
    assert is_direct(found["no_proxy"], "pypi.org")


def test_the_list_of_grpc_is_extended_also_an_empty_one_which_hides_the_other() -> None:
    assert network.direct({"no_grpc_proxy": ""})["no_grpc_proxy"] == "localhost,127.0.0.1,::1"
    assert network.direct({"no_grpc_proxy": "x"})["no_grpc_proxy"] == "x,localhost,127.0.0.1,::1"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_count_for_every_client(name: str) -> None:
    found = {name: "/ca.pem"} | network.trusted({name: "/ca.pem"}, lambda path: path == "/ca.pem")
    assert (found["SSL_CERT_FILE"], found["REQUESTS_CA_BUNDLE"]) == ("/ca.pem", "/ca.pem")


def test_certificates_that_are_named_stay_and_a_folder_is_handed_to_nobody_else() -> None:
    both = {"SSL_CERT_FILE": "/a.pem", "REQUESTS_CA_BUNDLE": "/b.pem"}
    assert network.trusted(both, lambda path: True) == {}
    assert network.trusted({"REQUESTS_CA_BUNDLE": "/etc/ssl/certs"}, lambda path: False) == {}
