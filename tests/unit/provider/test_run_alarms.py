"""A slow phase is named once: while it goes on, or when it has ended; nothing is read for runs that are quick."""

from concurrent.futures import ThreadPoolExecutor

from trainup.core.slow_phases import Usual
from trainup.core.status import Status
from trainup.jobs.target import Owner, Record, StackUrns
from trainup.provider.run_alarms import Alarm, EarlierRuns, usual_phases

URN = "urn:pulumi:dev::shop::trainup:index:TrainingRun$trainup:index:Run::pets-job"


def record(status: Status, name: str = "pets-1", **phases: float) -> Record:
    return Record(name, "pets", name, 1, "d", status, owners=(Owner(URN, "t"),), phases=phases)


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.reads = 0
        self.alarm = Alarm(self.lines.append, self.earlier)

    def earlier(self) -> Usual:
        self.reads += 1
        usual = Usual()
        for number in range(5):
            usual.add("pets", f"earlier-{number}", {"preparing": 40.0, "running": 10.0})
        return usual


def test_it_is_named_while_it_goes_on_and_not_again_at_its_end() -> None:
    told = Told()
    for seconds in (10.0, 100.0, 121.0, 200.0):
        told.alarm.look(record(Status.PREPARING), seconds)
    told.alarm.look(record(Status.COMPLETED, preparing=360.0, running=9.0), 0.0)
    assert told.lines == ["pets-1: preparation (image pull) takes longer than 2 m 1 s, was 40.0 s in the last 5 runs"]


def test_one_that_nobody_watched_is_named_at_the_end() -> None:
    told = Told()
    told.alarm.look(record(Status.COMPLETED, preparing=360.0, running=9.0), 0.0)
    assert told.lines == ["pets-1: preparation (image pull) took 6 m 0 s, was 40.0 s in the last 5 runs"]


def test_nothing_is_read_for_a_run_that_is_quick() -> None:
    told = Told()
    told.alarm.look(record(Status.RUNNING, preparing=3.0), 2.0)
    told.alarm.look(record(Status.COMPLETED, preparing=3.0, running=20.0), 0.0)
    assert (told.lines, told.reads) == ([], 0)


def test_each_attempt_is_told_by_itself() -> None:
    told = Told()
    for name in ("pets-1", "pets-1-a2"):
        told.alarm.look(record(Status.COMPLETED, name, preparing=360.0), 0.0)
    assert len(told.lines) == 2


def test_only_completed_runs_of_the_stack_count() -> None:
    class Target:
        def history(self, stack: StackUrns, *, newest: int) -> tuple[list[Record], list[Exception]]:
            assert (stack.stack, stack.project, dict(stack.urns)) == ("dev", "shop", {"pets": URN})
            ended = [record(Status.COMPLETED, f"pets-{number}", preparing=40.0) for number in (4, 5, 6)]
            return [
                *ended,
                record(Status.FAILED, "pets-2", preparing=1.0),
                record(Status.RUNNING, preparing=900.0),
            ], []

    usual = usual_phases(Target(), Owner(URN, "t"), "pets")  # type: ignore[arg-type]
    (one,) = usual.slow("cats", "cats-1", {"preparing": 360.0})
    assert (one.usual, one.runs) == (40.0, 3)


def test_earlier_runs_are_read_once_for_all_that_are_watched() -> None:
    reads: list[str] = []

    def read(stack: str) -> Usual:
        reads.append(stack)
        return Usual()

    earlier = EarlierRuns()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: earlier.of(number % 2, lambda: read(str(number % 2))), range(40)))
    assert sorted(reads) == ["0", "1"]
