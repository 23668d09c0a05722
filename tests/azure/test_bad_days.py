"""A stack of the real engine on an Azure with late roles, refused signatures and reads that lag behind."""

import pytest

from tests.azure.test_howto_runs import JOBS, PREBUILT
from tests.support.azure import Cloud
from trainup.simulator.cloud.clock import Latency
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.possible import UploadAnswer

QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}
RUN = {"source": "code", "script": "train.py"}


@pytest.mark.engine
def test_a_run_that_a_late_role_fails_trains_once_though_the_cli_is_killed_before_its_repetition(
    running: Cloud,
) -> None:
    azure = running.azure
    possible = azure.possible
    possible.unread, possible.refuses_signatures, possible.upload_answer = 1, True, UploadAnswer.NO_CREDENTIAL

    def hold_roles() -> None:
        azure.clock.scale, azure.latency = 1.0, Latency(role=3600)

    azure.faults.add(Fault("PUT", path="*/jobs/pets-*", skip=1, call=hold_roles))
    access = {"users": [azure.deployer]}
    project = running.stack("dev", image=PREBUILT, runs={"pets": RUN}, cluster={"size": "gpu-small"}, access=access)
    project.environment.update(QUICK)
    (project.folder / "code").mkdir()
    (project.folder / "code" / "train.py").write_text("print('trains', flush=True)\n")

    killed = project.start("up", "--skip-preview")
    killed.wait_for("does not count as one of its `retries`")
    killed.kill()
    killed.finish()
    azure.clock.scale = 0.0
    project.unlock()
    again = project.up("--skip-preview")
    assert again.code == 0, again.text
    assert "trains" in again.text
    (output,) = project.output()["runs"].values()
    assert (output["status"], output["attempts"], output.get("failure")) == ("Completed", 2, None)
    assert len(azure.resources(JOBS)) == 2
    assert [run.starts for run in azure.runs.in_workspace(azure.resources(JOBS)[0]["id"].split("/jobs/")[0])] == [0, 1]
    assert project.up("--expect-no-changes").is_empty
    assert project.destroy().code == 0
