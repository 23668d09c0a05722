"""What a tag stands for, asked of registries that let people in in different ways."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from tests.support import registry as support
from trainup.core.images import ImageReference
from trainup.jobs.azure.registry.api_v2 import Login, Registry, RegistryError

AMD, ARM = "linux/amd64", "linux/arm64"
LOGIN = Login("team", "planted-5ecret")


@pytest.fixture
def there() -> Iterator[support.Registry]:
    with support.serve(support.Registry()) as made:
        yield made


def resolve(there: support.Registry, tag: str = "1", **options: object) -> str:
    asked = Registry(there.address, **options)  # type: ignore[arg-type]
    return asked.resolve(ImageReference(there.address, "team/fastai", tag), AMD)


@pytest.mark.parametrize("way_in", ["none", "anonymous"])
def test_a_public_images_tag_is_looked_up_without_a_login(there: support.Registry, way_in: str) -> None:
    there.way_in = way_in
    digest = there.push("team/fastai:1", AMD)
    assert resolve(there) == digest


@pytest.mark.parametrize("way_in", ["basic", "bearer"])
def test_a_private_images_tag_is_looked_up_with_the_login(there: support.Registry, way_in: str) -> None:
    there.way_in, there.login = way_in, ("team", LOGIN.password)
    digest = there.push("team/fastai:1", AMD)
    assert resolve(there, login=LOGIN) == digest


@pytest.mark.parametrize("way_in", ["basic", "bearer"])
@pytest.mark.parametrize("login", [None, Login("team", "wr0ng")])
def test_who_may_not_pull_is_told_so_and_never_the_password(
    there: support.Registry, way_in: str, login: Login | None
) -> None:
    there.way_in, there.login = way_in, ("team", LOGIN.password)
    there.push("team/fastai:1", AMD)
    with pytest.raises(RegistryError) as caught:
        resolve(there, login=login)
    text = str(caught.value)
    assert "check user name and password" in text if login else "is private: give `trainup:registry`" in text
    assert "wr0ng" not in text + repr(login)


def test_an_index_is_kept_as_it_is_where_it_has_an_image_for_the_nodes(there: support.Registry) -> None:
    digest = there.push("team/fastai:1", ARM, AMD)
    assert resolve(there) == digest


@pytest.mark.parametrize("index", [False, True])
def test_an_image_for_other_machines_is_refused_with_what_it_runs_on(there: support.Registry, index: bool) -> None:
    there.push("team/fastai:1", ARM, index=index)
    with pytest.raises(RegistryError, match=r"'1' runs on linux/arm64 and not on linux/amd64.*--platform linux/amd64"):
        resolve(there)


def test_an_image_that_does_not_exist_is_refused_by_name(there: support.Registry) -> None:
    with pytest.raises(RegistryError, match="has no image 'team/fastai' with '2': correct the name"):
        resolve(there, "2")


def test_what_is_there_is_found_by_tag_and_digest_and_what_is_not_is_none(there: support.Registry) -> None:
    digest = there.push("team/fastai:1", AMD)
    asked = Registry(there.address)
    for reference in ("1", digest):
        found = asked.find("team/fastai", reference)
        assert found
        assert found.digest == digest
    assert asked.find("team/fastai", "sha256:" + "0" * 64) is None


def test_something_else_under_a_digest_is_refused(there: support.Registry) -> None:
    digest = there.push("team/fastai:1", AMD)
    kind, data = there.content[f"team/fastai/manifests/{digest}"]
    there.content[f"team/fastai/manifests/{digest}"] = kind, data + b" "
    with pytest.raises(RegistryError, match="answered something else than"):
        Registry(there.address).find("team/fastai", digest)


def test_a_format_that_registries_gave_up_is_refused(there: support.Registry) -> None:
    old = json.dumps({"schemaVersion": 1}).encode()
    there.content["team/fastai/manifests/1"] = "application/vnd.docker.distribution.manifest.v1+json", old
    with pytest.raises(RegistryError, match=r"has the format application/vnd.docker.distribution.manifest.v1\+json"):
        resolve(there)


def test_a_login_is_not_sent_where_others_could_read_it(there: support.Registry) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://elsewhere.example/token",service="x"'}
    there.answers["/v2/team/fastai/manifests/1"] = 401, challenge, b""
    with pytest.raises(RegistryError, match=r"asks to send the login unencrypted to http://elsewhere\.example/token"):
        resolve(there, login=LOGIN)


def test_a_token_of_azures_goes_to_the_registry_alone(there: support.Registry) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="https://elsewhere.example/token",service="x"'}
    there.answers["/v2/team/fastai/manifests/1"] = 401, challenge, b""
    with pytest.raises(RegistryError, match=r"wants a token of Azure's sent elsewhere, to elsewhere\.example"):
        resolve(there, entra=lambda: "planted")
    assert all("planted" not in str(request) for request in there.seen)


def test_a_redirect_to_storage_does_not_get_the_login(there: support.Registry) -> None:
    there.way_in, there.login = "basic", ("team", LOGIN.password)
    there.push("team/fastai:1", AMD)
    with support.serve(support.Registry(way_in="none")) as storage:
        (path,) = [name for name in there.content if "/blobs/" in name]
        storage.content["moved"] = there.content.pop(path)
        address = f"http://127.0.0.1:{storage.address.partition(':')[2]}/v2/moved"
        there.answers[f"/v2/{path}"] = 307, {"Location": address}, b""
        assert resolve(there, login=LOGIN)
        assert storage.seen == [("GET", "/v2/moved", None)]


def test_a_registry_that_cannot_be_reached_is_named() -> None:
    with support.serve(support.Registry()) as gone:
        pass
    asked = Registry(gone.address, patience=0)
    with pytest.raises(RegistryError, match=f"the registry {gone.address} could not be reached"):
        asked.find("team/fastai", "1")


def test_too_many_requests_are_told_with_the_way_out(there: support.Registry) -> None:
    body = json.dumps({"errors": [{"message": "pull rate limit"}]}).encode()
    there.answers["/v2/team/fastai/manifests/1"] = 429, {}, body
    asked = Registry(there.address, patience=0)
    with pytest.raises(RegistryError, match="429 pull rate limit, too many requests: try again later or log in"):
        asked.find("team/fastai", "1")


def test_the_digest_is_that_of_the_bytes(there: support.Registry) -> None:
    digest = there.push("team/fastai:1", AMD)
    _, data = there.content["team/fastai/manifests/1"]
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
