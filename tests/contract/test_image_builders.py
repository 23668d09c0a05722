"""The image builders of Azure stacks, over gRPC: what is built once stays built, whatever happens meanwhile."""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import registry as registries
from tests.support.azure import visit
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.core.values import UNKNOWN, Secret
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.builds import TYPE, Build
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.refusal import Refused, throttled, unavailable
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import rehearsal

pytestmark = pytest.mark.slow


IMAGE = urn("Image", "image")
PASSWORD = "planted-5ecret"


@dataclass
class World:
    """An Azure with a registry, and a project whose plugins see it and no other."""

    azure: Azure
    registry: str
    project: Path
    plugin: Plugin
    """One for all tests that neither cancel nor look at what is shown."""


@dataclass
class Place:
    """A test's own context in the project, and its own repository."""

    world: World
    name: str

    @property
    def azure(self) -> Azure:
        return self.world.azure

    @property
    def folder(self) -> Path:
        return self.world.project / self.name

    def inputs(self, **more: Any) -> dict[str, Any]:
        """What an image of the context takes."""
        registry = self.world.registry
        server = self.azure.get(registry)["properties"]["loginServer"]
        given = {"builder": "acr", "registry_id": registry, "login_server": server, "context": self.name}
        return {**given, "repository": self.name, **more}

    @property
    def builds(self) -> list[Build]:
        """Those of this test."""
        return [
            build for build in self.azure.builds.of(self.world.registry) if self.name in str(build.order["imageNames"])
        ]

    def hold(self) -> threading.Event:
        """Let the next build wait in its first step until the event is set."""
        gate = threading.Event()
        self.fault(call=lambda: gate.wait(60) and None)
        return gate

    def fault(self, **more: Any) -> None:
        """Something happens to the next build of this test."""
        self.azure.faults.add(Fault(method="BUILD", type=TYPE, name=f"{self.name}:*", **more))

    def plugin(self) -> Any:
        """A plugin of its own, as every `pulumi` command has one."""
        return plugin(self.world.project)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    project = tmp_path_factory.mktemp("project")
    with rehearsal(tmp_path_factory.mktemp("azure")) as running, pytest.MonkeyPatch.context() as patch:
        visit(running, patch)
        with plugin(project) as made:
            yield World(running.azure, furnish(running.azure).registry, project, made)


@pytest.fixture
def place(world: World, tmp_path: Path) -> Place:
    made = Place(world, tmp_path.name.replace("_", "-"))
    made.folder.mkdir()
    (made.folder / "Dockerfile").write_text("FROM scratch\nCOPY a.txt /\nRUN pip install fastai\n")
    # Of its own for every test: what another one has built must not be found here.
    (made.folder / "a.txt").write_text(made.name)
    return made


@pytest.fixture
def image(world: World) -> Plugin:
    """What the tests share."""
    return world.plugin


@pytest.fixture
def own(place: Place) -> Iterator[Plugin]:
    with place.plugin() as made:
        yield made


def checked(made: Plugin, inputs: dict[str, Any]) -> dict[str, Any]:
    found, failures = made.check(IMAGE, inputs)
    assert not failures
    return found


def create(made: Plugin, inputs: dict[str, Any]) -> Resource:
    return made.create(IMAGE, checked(made, inputs))


def beside(action: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """The action in a thread, and where its result or Failed will be."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(action())
        except Failed as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def test_an_image_is_built_once_and_known_by_digest(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    assert made.outputs["reference"] == f"{place.inputs()['login_server']}/{place.name}@{_digest(place)}"
    assert made.id == f"{place.name}:{made.inputs['digest']}"
    again = create(image, place.inputs())
    assert again.outputs["reference"] == made.outputs["reference"]
    assert len(place.builds) == 1
    assert place.builds[0].order["platform"] == {"os": "Linux", "architecture": "amd64"}


def _digest(place: Place) -> str:
    return place.builds[-1].images[0].digest


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
    before = len(place.azure.journal.entries), _written(place)
    inputs = checked(image, place.inputs())
    assert inputs["manifest"].keys() == {"(Dockerfile)", "Dockerfile", "a.txt"}
    assert image.plan(IMAGE, inputs)["reference"] is UNKNOWN
    assert (len(place.azure.journal.entries), _written(place)) == before


def _written(place: Place) -> list[Path]:
    return sorted((place.world.project / ".trainup").rglob("*"))


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
    ({"builder": "kaniko"}, "builder", "'kaniko' is none of venv, acr, prebuilt"),
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


def test_after_ctrl_c_the_build_goes_on_and_the_next_up_attaches_to_it(place: Place) -> None:
    gate = place.hold()
    with place.plugin() as first:
        inputs = checked(first, place.inputs())
        thread, outcome = beside(lambda: first.create(IMAGE, inputs))
        first.engine.wait_for("Step 1/3")
        first.cancel()
        thread.join()
    (failed,) = outcome
    assert isinstance(failed, Failed)
    assert "goes on; the next `pulumi up` attaches to it" in failed.reasons[0]
    assert failed.refresh
    left = Resource(IMAGE, failed.id, inputs, failed.outputs)
    with place.plugin() as second:
        with pytest.raises(Failed, match="goes on"):  # a refresh tells the same
            second.read(left)
        assert second.diff(left, inputs).diffs == ["reference"]
        gate.set()
        assert second.update(left, inputs).outputs["reference"].endswith(_wait(place))
    assert len(place.builds) == 1


def _wait(place: Place) -> str:
    """Until the last build has ended; the digest of its image."""
    place.azure.builds.wait()
    return _digest(place)


def test_after_a_kill_the_next_up_attaches_to_the_build(place: Place) -> None:
    gate = place.hold()
    with place.plugin() as first:
        inputs = checked(first, place.inputs())
        thread, _ = beside(lambda: first.create(IMAGE, inputs))
        first.engine.wait_for("Step 1/3")
        first.process.kill()
        thread.join()
    gate.set()
    with place.plugin() as second:
        assert second.create(IMAGE, inputs).outputs["reference"].endswith(_wait(place))
    assert len(place.builds) == 1
    assert not [path for path in _written(place) if path.parent.name == "builds"]


def test_ctrl_c_cancels_the_build_where_that_is_asked_for(place: Place, own: Plugin) -> None:
    gate = place.hold()
    inputs = checked(own, place.inputs(on_interrupt="cancel"))
    thread, outcome = beside(lambda: own.create(IMAGE, inputs))
    own.engine.wait_for("Step 1/3")
    own.cancel()
    thread.join()
    assert "was cancelled" in str(outcome[0])
    assert not outcome[0].id
    gate.set()
    place.azure.builds.wait()
    assert [build.status for build in place.builds] == ["Canceled"]


def test_two_ups_at_once_build_one_image(place: Place) -> None:
    gate = place.hold()
    with place.plugin() as first, place.plugin() as second:
        inputs = checked(first, place.inputs())
        one, _ = beside(lambda: first.create(IMAGE, inputs))
        first.engine.wait_for("Step 1/3")
        other, outcome = beside(lambda: second.create(IMAGE, inputs))
        second.engine.wait_for("another `pulumi up` on this machine builds")
        gate.set()
        one.join()
        other.join()
    assert outcome[0].outputs["reference"].endswith(_digest(place))
    assert len(place.builds) == 1


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


def test_an_image_that_is_gone_from_its_registry_is_drift(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    there = image.read(made)
    assert there
    assert there.outputs == made.outputs
    place.azure.images.remove(_digest(place))
    assert image.read(made) is None


def test_an_image_whose_registry_is_gone_is_drift_as_well(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    made.outputs["login_server"] = "localhost:1"  # as when a name is not known any more
    made.outputs["registry_id"] += "gone"
    assert image.read(made) is None


def test_deleting_ends_a_build_and_keeps_an_image(place: Place, image: Plugin) -> None:
    made = create(image, place.inputs())
    image.delete(made)
    assert place.azure.images.find(place.name, _digest(place))
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


TROUBLE: list[Fault] = [
    *(Fault(path="*", cut=cut) for cut in Cut),
    Fault(path="*", error=throttled(0.01)),
    Fault(path="*", error=unavailable()),
]


@pytest.mark.slow
@pytest.mark.parametrize("fault", TROUBLE, ids=["before", "middle", "after", "429", "500"])
def test_trouble_with_any_request_builds_nothing_twice(place: Place, fault: Fault) -> None:
    with place.plugin() as made:
        begun = len(place.azure.journal.entries)
        create(made, place.inputs())
        requests = len(place.azure.journal.entries) - begun
        assert requests > 8
        for number in range(requests):
            (place.folder / "a.txt").write_text(f"{number}")
            already = len(place.builds)
            place.azure.faults.add(Fault(**{**vars(fault), "skip": number}))
            with contextlib.suppress(Failed):  # a request that must not be sent twice, as for a build that may go
                create(made, place.inputs())
            place.azure.builds.wait()
            assert create(made, place.inputs()).outputs["reference"].endswith(_digest(place))
            assert len(place.builds) == already + 1, (number, fault)
            assert not place.azure.faults.unused()


# An image that exists.


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
    with pytest.raises(Failed, match="runs on linux/arm64 and not on linux/amd64"):
        create(image, {"builder": "prebuilt", "image": f"{private.address}/team/fastai:1", **login})
