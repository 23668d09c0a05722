"""An image that exists, over gRPC: its tag is looked up once."""

from collections.abc import Iterator

import pytest

from tests.contract.images.place import PASSWORD, Place, checked, create
from tests.support import registry as registries
from tests.support.plugin import Failed, Plugin, urn
from trainup.core.values import Secret

pytestmark = pytest.mark.slow


@pytest.fixture
def private() -> Iterator[registries.Registry]:
    with registries.serve(registries.Registry("bearer", ("team", PASSWORD))) as made:
        yield made


def test_a_tag_is_looked_up_once_and_stays_what_it_was(private: registries.Registry, image: Plugin) -> None:
    digest = private.push("team/fastai:1", "linux/amd64")
    given = {"builder": "prebuilt", "image": f"{private.address}/team/fastai:1"}
    login = {"username": "team", "password": Secret(PASSWORD)}
    made = create(image, {**given, **login})
    assert made.id == made.outputs["reference"] == f"{private.address}/team/fastai@{digest}"
    assert PASSWORD not in str(made.outputs)
    assert made.inputs["password"] == Secret(PASSWORD)
    private.push("team/fastai:1", "linux/amd64", "linux/arm64")
    other = checked(image, {**given, "username": "team", "password": Secret("another")})
    changed = image.diff(made, other)
    assert not list(changed.replaces)
    asked = len(private.seen)
    assert image.update(made, other).outputs["reference"] == made.outputs["reference"]
    assert len(private.seen) == asked
    there = image.read(made)
    assert there
    assert there.outputs["reference"] == made.outputs["reference"]
    del private.content[f"team/fastai/manifests/{digest}"]
    assert image.read(made) is None
    assert list(image.diff(made, checked(image, {**given, "image": f"{private.address}/team/fastai:2"})).replaces)


def test_a_registry_of_azure_is_asked_as_who_is_logged_in(place: Place, image: Plugin) -> None:
    built = create(image, place.inputs())
    name = f"{place.inputs()['login_server']}/{place.name}:{built.inputs['digest']}"
    assert create(image, {"builder": "prebuilt", "image": name}).outputs["reference"] == built.outputs["reference"]


def test_an_image_for_other_machines_is_refused_before_anything_uses_it(
    private: registries.Registry, image: Plugin
) -> None:
    private.push("team/fastai:1", "linux/arm64")
    login = {"username": "team", "password": Secret(PASSWORD)}
    given = {"builder": "prebuilt", "image": f"{private.address}/team/fastai:1", **login}
    _, failures = image.check(urn("Image", "image"), given)
    assert "runs on linux/arm64 and not on linux/amd64" in failures["image"]
    with pytest.raises(Failed, match="runs on linux/arm64 and not on linux/amd64"):
        image.create(urn("Image", "image"), given)
