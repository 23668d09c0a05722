"""Building an image in a registry of Azure, over gRPC: once for its content, and known by its digest."""

import shutil
from typing import Any

import pytest

from tests.contract.images.place import IMAGE, PASSWORD, Place, beside, checked, create
from tests.support.plugin import Failed, Plugin, Resource
from trainup.core.values import UNKNOWN, Secret

pytestmark = pytest.mark.slow


def test_an_image_is_built_once_and_known_by_digest(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    assert made.outputs["reference"] == f"{place.inputs()['login_server']}/{place.name}@{place.digest}"
    assert made.id == f"{place.name}:{made.inputs['digest']}"
    again = create(image, place.inputs())
    assert again.outputs["reference"] == made.outputs["reference"]
    assert len(place.builds) == 1
    assert place.builds[0].order["platform"] == {"os": "Linux", "architecture": "amd64"}


def test_the_log_of_the_build_is_shown_while_it_goes_and_not_kept(place: Place, own: Plugin) -> None:
    gate = place.hold()
    inputs = checked(own, place.inputs())
    thread, _ = beside(lambda: own.create(IMAGE, inputs))
    own.engine.wait_for("Step 1/3 : FROM scratch")
    assert "Step 2/3 : COPY a.txt /" not in own.engine.lines()
    gate.set()
    thread.join()
    lines = [line for line in own.engine.lines() if line.startswith("Step ")]
    assert lines == ["Step 1/3 : FROM scratch", "Step 2/3 : COPY a.txt /", "Step 3/3 : RUN pip install fastai"]
    assert all(request.ephemeral for request in own.engine.logged)


def test_a_preview_tells_what_would_be_built_and_asks_nobody(place: Place, image: Plugin) -> None:
    before = len(place.azure.journal.entries), place.written()
    inputs = checked(image, place.inputs())
    assert inputs["manifest"].keys() == {"(Dockerfile)", "Dockerfile", "a.txt"}
    assert image.plan(IMAGE, inputs)["reference"] is UNKNOWN
    assert (len(place.azure.journal.entries), place.written()) == before


def test_what_is_unknown_in_a_preview_stays_unknown_and_what_is_not_is_told(place: Place, image: Plugin) -> None:
    inputs = checked(image, place.inputs(registry_id=UNKNOWN, login_server=UNKNOWN))
    assert len(inputs["digest"]) == 64
    inputs = checked(image, place.inputs(arguments={"A": UNKNOWN}))
    assert inputs["digest"] is UNKNOWN
    assert inputs["manifest"] is UNKNOWN


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"arguments": Secret({"A": PASSWORD})}, "arguments", "a secret would be readable in the image's history"),
    ({"arguments": {"A": Secret(PASSWORD)}}, "arguments", "a secret would be readable in the image's history"),
    ({"arguments": {"A": 1}}, "arguments", "build arguments are NAME: text"),
    ({"dockerfile_text": "FROM x", "dockerfile": "D"}, "dockerfile", "exclude each other"),
    ({"dockerfile": "nowhere"}, "dockerfile", "there is no "),
    ({"context": "nowhere"}, "context", "there is no folder "),
    ({"timeout": "1m"}, "timeout", "a registry takes 5 minutes to 8 hours"),
    ({"timeout": "soon"}, "timeout", "'soon' is no length of time"),
    ({"on_interrupt": "stop"}, "on_interrupt", "'stop' is none of detach, cancel"),
    ({"platform": "amd64"}, "platform", "'amd64' is no platform"),
    ({"allow_secrets": "a"}, "allow_secrets", "'a' is no list of"),
    ({"repository": 3}, "repository", "3 is not text"),
    ({"sise": 3}, "sise", "there is no input 'sise' here"),
    ({"builder": "kaniko"}, "builder", "'kaniko' is none of venv, acr, docker, prebuilt"),
    ({"builder": "prebuilt", "image": "A b"}, "image", "'A b' is no image reference"),
    ({"builder": "prebuilt", "image": "a", "username": "u"}, "password", "give both or neither"),
]


@pytest.mark.parametrize(("given", "at", "says"), REFUSED, ids=[f"{at}-{says[:20]}" for _, at, says in REFUSED])
def test_what_cannot_be_built_is_refused_in_the_preview(
    place: Place, image: Plugin, given: dict[str, Any], at: str, says: str
) -> None:
    given = given if given.get("builder") == "prebuilt" else place.inputs(**given)
    _, failures = image.check(IMAGE, given)
    assert says in failures[at]
    assert PASSWORD not in str(failures)


def test_everything_wrong_is_told_at_once(place: Place, image: Plugin) -> None:
    _, failures = image.check(IMAGE, {"builder": "acr", "context": "nowhere", "timeout": "x", "repository": "r"})
    assert failures.keys() == {"registry_id", "login_server", "context", "timeout"}


def test_only_what_is_in_the_image_builds_it_again(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    shutil.copytree(place.folder, place.world.project / f"{place.name}-moved")
    moved = checked(image, place.inputs(context=f"{place.name}-moved", timeout="2h"))
    assert not list(image.diff(made, moved).replaces)
    updated = image.update(made, moved)
    assert updated.outputs["reference"] == made.outputs["reference"]
    (place.folder / "a.txt").write_text("other")
    changed = image.diff(made, checked(image, place.inputs()))
    assert set(changed.replaces) == {"digest", "manifest.a.txt"} or 'manifest["a.txt"]' in changed.replaces
    assert len(place.builds) == 1


def test_what_changed_since_the_preview_is_not_built(place: Place, image: Plugin) -> None:
    inputs = checked(image, place.inputs())
    (place.folder / "a.txt").write_text("other")
    with pytest.raises(Failed, match="changed since the preview"):
        image.create(IMAGE, inputs)
    assert not place.builds


def test_a_build_of_the_same_number_in_a_new_registry_is_none_of_ours(place: Place, image: Plugin) -> None:
    create(image, place.inputs())
    theirs, (number,) = place.digest, [build.id for build in place.builds]
    (place.folder / "a.txt").write_text("other")
    inputs = checked(image, place.inputs())
    made = image.update(Resource(IMAGE, "x", inputs, {**inputs, "build": number}), inputs)
    assert not made.outputs["reference"].endswith(theirs)
    assert len(place.builds) == 2


def test_an_image_that_was_removed_is_built_again_whatever_its_build_says(place: Place, image: Plugin) -> None:
    first = create(image, place.inputs())
    place.azure.images.remove(place.digest)
    left = Resource(IMAGE, "x", first.inputs, {**first.inputs, "build": first.outputs["build"]})
    assert image.update(left, first.inputs).outputs["build"] != first.outputs["build"]
    assert len(place.builds) == 2


def test_an_image_that_is_gone_from_its_registry_is_drift(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    there = image.read(made)
    assert there
    assert there.outputs == made.outputs
    place.azure.images.remove(place.digest)
    assert image.read(made) is None


def test_an_image_whose_registry_is_gone_is_drift_as_well(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    made.outputs["login_server"] = "localhost:1"  # as when a name is not known any more
    made.outputs["registry_id"] += "gone"
    assert image.read(made) is None


def test_deleting_ends_a_build_and_keeps_an_image(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    image.delete(made)
    assert place.azure.images.find(place.name, place.digest)
    gate = place.hold()
    (place.folder / "a.txt").write_text("other")
    inputs = checked(image, place.inputs())
    with place.plugin() as first:
        thread, outcome = beside(lambda: first.create(IMAGE, inputs))
        first.engine.wait_for("Step 1/3")
        first.cancel()
        thread.join()
    image.delete(Resource(IMAGE, outcome[0].id, inputs, outcome[0].outputs))
    gate.set()
    place.azure.builds.wait()
    assert place.builds[-1].status == "Canceled"


def test_a_build_that_is_replaced_while_it_goes_ends_first(place: Place, image: Plugin) -> None:
    inputs = checked(image, place.inputs())
    left = Resource(IMAGE, "x", inputs, {**inputs, "build": "ca1"})
    other = checked(image, place.inputs(arguments={"A": "1"}))
    assert image.diff(left, other).deleteBeforeReplace
    left.outputs["reference"] = "r/i@sha256:1"
    assert not image.diff(left, other).deleteBeforeReplace
