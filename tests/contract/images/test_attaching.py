"""Builds that outlive the command that began them, over gRPC: the next one attaches, and nothing is built twice."""

import contextlib
import itertools
import threading
from typing import Any

import pytest

from tests.contract.images.place import IMAGE, Place, beside, checked, create
from tests.support.plugin import Failed, Plugin, Resource
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.refusal import Refused, throttled, unavailable

pytestmark = pytest.mark.slow


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
    return place.digest


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
    assert not [path for path in place.written() if path.parent.name == "builds"]


def test_after_a_lost_answer_the_next_up_waits_for_the_build_that_was_begun(place: Place, own: Plugin) -> None:
    gate = place.hold()
    thread, outcome = after_a_lost_answer(place, own, Cut.AFTER)
    gate.set()
    thread.join()
    assert outcome[0].outputs["reference"].endswith(place.digest)
    assert len(place.builds) == 1


def test_a_lost_answer_is_waited_for_until_ctrl_c(place: Place, own: Plugin) -> None:
    place.hold()
    thread, outcome = after_a_lost_answer(place, own, Cut.AFTER)
    own.cancel()
    thread.join()
    assert "interrupted while ca" in str(outcome[0])


def test_a_request_that_was_refused_leaves_nothing_to_wait_for(place: Place, own: Plugin) -> None:
    thread = somebody_builds(place, own)
    refused = Refused(403, "AuthorizationFailed", "The client does not have authorization to perform action.")
    place.azure.faults.add(Fault(path="*/scheduleRun", error=refused))
    inputs = checked(own, place.inputs())
    with pytest.raises(Failed, match="could not be built"):
        own.create(IMAGE, inputs)
    assert own.create(IMAGE, inputs).outputs["reference"].endswith(place.digest)
    place.gates[0].set()
    thread.join()


def test_somebody_elses_build_is_waited_for_after_a_lost_answer_and_not_taken(place: Place, own: Plugin) -> None:
    thread = somebody_builds(place, own)
    again, outcome = after_a_lost_answer(place, own, Cut.BEFORE)
    place.gates[0].set()
    again.join()
    thread.join()
    assert outcome[0].outputs["reference"].endswith(place.digest)
    assert [build.order["imageNames"][0].split(":")[0] for build in place.builds] == [f"{place.name}-other", place.name]


def after_a_lost_answer(place: Place, own: Plugin, cut: Cut) -> tuple[threading.Thread, list[Any]]:
    """A creation that lost the answer to its build's order, and the next one, which waits for what may have begun."""
    place.azure.faults.add(Fault(path="*/scheduleRun", cut=cut))
    inputs = checked(own, place.inputs())
    with pytest.raises(Failed, match="could not be built"):
        own.create(IMAGE, inputs)
    again = beside(lambda: own.create(IMAGE, inputs))
    own.engine.wait_for("an answer was lost: ca")
    return again


def somebody_builds(place: Place, own: Plugin) -> threading.Thread:
    """A build of another image in the same registry, under way until the first gate is opened."""
    repository = f"{place.name}-other"
    place.hold(repository)
    inputs = checked(own, place.inputs(repository=repository))
    thread, _ = beside(lambda: own.create(IMAGE, inputs))
    own.engine.wait_for("Step 1/3")
    return thread


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
    assert outcome[0].outputs["reference"].endswith(place.digest)
    assert len(place.builds) == 1


TROUBLE: list[Fault] = [
    *(Fault(path="*", cut=cut) for cut in Cut),
    Fault(path="*", error=throttled(0.01)),
    Fault(path="*", error=unavailable()),
]


@pytest.mark.parametrize("fault", TROUBLE, ids=["before", "middle", "after", "429", "500"])
def test_trouble_with_any_request_builds_nothing_twice(place: Place, fault: Fault) -> None:
    with place.plugin() as made:
        for number in itertools.count():
            (place.folder / "a.txt").write_text(f"{number}")
            already = len(place.builds)
            place.azure.faults.add(Fault(**{**vars(fault), "skip": number}))
            with contextlib.suppress(Failed):  # a request that must not be sent twice, as for a build that may go
                create(made, place.inputs())
            struck = not place.azure.faults.unused()
            place.azure.faults.clear()
            assert create(made, place.inputs()).outputs["reference"].endswith(place.digest)
            assert len(place.builds) == already + 1, (number, fault)
            if not struck:
                break
        assert number > 8  # requests were struck
