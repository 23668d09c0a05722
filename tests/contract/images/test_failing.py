"""Builds that fail or are refused, over gRPC: why, and what to do."""

import pytest

from tests.contract.images.place import Place, create
from tests.support.plugin import Failed, Plugin
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused

pytestmark = pytest.mark.slow


def test_a_failed_build_tells_its_class_its_last_lines_and_what_to_do(place: Place, image: Plugin) -> None:
    (place.folder / ".dockerignore").write_text("a.txt\n")
    with pytest.raises(Failed) as caught:
        create(image, place.inputs())
    text = str(caught.value)
    assert "ended Failed (image_build): a file that the Dockerfile copies is not in the context" in text
    assert "  Step 2/3 : COPY a.txt /" in text
    assert "what to do: add it to the context, or take it out of .dockerignore" in text
    assert "all of it: az acr task logs --registry teamregistry --run-id ca" in text
    assert not caught.value.id
    (place.folder / ".dockerignore").unlink()
    assert create(image, place.inputs()).outputs["reference"]


def test_a_build_that_failed_is_begun_anew_by_the_next_up(place: Place, image: Plugin) -> None:
    place.fault(error=Refused(500, "BuildFailed", "pull access denied for fastai"), skip=2)
    with pytest.raises(Failed, match=r"Failed \(image_pull\): the base image could not be pulled"):
        create(image, place.inputs())
    assert create(image, place.inputs()).outputs["reference"]
    assert [build.status for build in place.builds] == ["Failed", "Succeeded"]


def test_free_subscriptions_are_told_their_ways_out(place: Place, image: Plugin) -> None:
    refused = Refused(400, "TasksOperationsNotAllowed", "ACR Tasks requests are not permitted.")
    place.azure.faults.add(Fault(path="*/scheduleRun", error=refused))
    with pytest.raises(
        Failed, match=r"upgrade to pay-as-you-go, build on this machine with `builder: docker`, or take"
    ):
        create(image, place.inputs())


def test_who_may_not_build_is_told_the_role(place: Place, image: Plugin) -> None:
    refused = Refused(403, "AuthorizationFailed", "The client does not have authorization to perform action.")
    place.azure.faults.add(Fault(path="*/listBuildSourceUploadUrl", error=refused))
    with pytest.raises(Failed, match="Building takes the role Contributor on the registry"):
        create(image, place.inputs())


def test_a_build_that_cannot_be_read_right_after_its_start_is_followed_all_the_same(
    place: Place, image: Plugin
) -> None:
    missing = Refused(404, "RunNotFound", "The run was not found.")
    place.azure.faults.add(Fault("GET", path="*/registries/*/runs/ca*", error=missing, times=2))
    assert create(image, place.inputs()).outputs["reference"].endswith(place.digest)
    assert len(place.builds) == 1
    assert place.azure.faults.unused() == []
