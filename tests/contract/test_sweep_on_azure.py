"""What a sweep asks Azure, and what it tells of the phases of its trials there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.swept import LOWER, REPORT, Requests, Swept, swept_on
from trainup.core import slow_phases
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.jobs import Jobs
from trainup.jobs.azure.target import AzureTarget
from trainup.provider.sweep import SweepHandler
from trainup.simulator.cloud.clock import Latency

# Every test starts real processes.
pytestmark = pytest.mark.slow


@pytest.fixture
def on_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Swept]:
    with swept_on("azure", tmp_path, monkeypatch) as made:
        yield made


def test_azure_is_asked_once_for_all_trials_and_not_for_each(on_azure: Swept) -> None:
    swept = on_azure
    assert swept.world.cloud
    asked = Requests(swept.world.cloud.azure.journal)
    inputs = swept.inputs(REPORT, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert swept.up(inputs) == []
    created = asked.since()
    assert created["GET /jobs"] == 1 + 6, "one for the sweep, and one for the attempts of each trial before it begins"
    assert created["PUT /jobs/trial"] == 6 + 6, "the job, and the phases of its end"
    assert created["GET std_log.txt"] == 0, "nobody reads the logs of trials that complete"
    assert swept.refresh() == []
    assert asked.since() == {"GET /jobs": 1}

    # Another objective: the values of all trials are read anew, and none by itself but for its curve.
    assert swept.up(swept.inputs(REPORT, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], {"objective": LOWER})) == []
    judged = asked.since()
    assert swept.outputs["best"]["arguments"] == {"rate": 0.1}
    assert judged["GET /jobs"] == 1
    assert judged["GET /jobs/trial"] <= 1, "that of the best"
    assert judged["GET details"] <= 1
    assert judged["PUT /jobs/trial"] == 0


def test_a_trial_whose_image_takes_longer_to_come_than_before_is_named(
    on_azure: Swept, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = on_azure
    assert swept.world.cloud
    azure = swept.world.cloud.azure
    assert swept.up(swept.inputs(REPORT, [0.1, 0.2, 0.3])) == []
    assert not any("was" in line and "in the last" in line for line in swept.told)
    monkeypatch.setattr(slow_phases, "SECONDS", 1.0)
    target = swept.world.target()
    assert isinstance(target, AzureTarget)
    for record in swept.records:
        Jobs(target.workspace, 0.01).tag(record.name, {labels.PHASES: labels.write({"preparing": 0.3})})
    azure.clock.scale, azure.latency = 1.0, Latency(start=3)
    swept.handler = SweepHandler()  # as the next `up` has it
    assert swept.up(swept.inputs(REPORT, [0.1, 0.2, 0.3, 0.4])) == []
    name = swept.outputs["trials"][3]["name"]
    (told,) = [line for line in swept.told if "in the last" in line]
    assert told.startswith(f"{name}: preparation (image pull) takes longer than ")
    assert told.endswith(", was 0.3 s in the last 3 runs")
