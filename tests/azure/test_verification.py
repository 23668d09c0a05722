"""`trainup verify-azure`: a journey through the real engine, and what it says of an Azure that is another one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.possible import UploadAnswer
from trainup.simulator.journey import config_of, simulated
from trainup.simulator.rehearsal import rehearsal
from trainup.verification import bundle, judging
from trainup.verification.beliefs.listing import BELIEFS
from trainup.verification.evidence import Evidence
from trainup.verification.judging import Outcome

pytestmark = pytest.mark.engine


def outcomes(evidence: Evidence) -> dict[str, Outcome]:
    return {name: verdict.outcome for name, verdict in bundle.judge(evidence).beliefs.items()}


def test_every_belief_is_confirmed_by_the_simulated_azure_and_the_bundle_is_nobodys(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "team-vision", "runtime": "python"}))
    with rehearsal(tmp_path / "azure") as running:
        stack = {"config": {**config_of(running.azure), "trainup:workspace": {"name": "team-vision-ml"}}}
        (project / "Pulumi.dev.yaml").write_text(yaml.safe_dump(stack))
        command = [sys.executable, "-m", "trainup.cli", "verify-azure", "--stack", "dev", "--yes"]
        variables = running.environment(environment)
        done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert running.azure.empty
        private = [running.azure.subscription, running.azure.deployer, running.azure.tenant, "team-vision"]
    file = project / ".trainup" / "verification" / "bundle.json"
    text = file.read_text()
    assert [word for word in private if word in text] == []
    evidence = bundle.read(file)
    unseen = {belief.name for belief in BELIEFS if belief.needs}
    assert {name for name, outcome in outcomes(evidence).items() if outcome is Outcome.NOT_SEEN} <= unseen
    assert Outcome.WRONG not in outcomes(evidence).values()
    assert {verdict.outcome for verdict in bundle.judge(evidence).answers.values()} == {Outcome.CONFIRMED}
    simulated_now, shipped = judging.shapes(evidence), json.loads(bundle.SHAPES.read_text())
    assert simulated_now.keys() == shipped.keys(), "python -m trainup.simulator.journey writes the file again"
    again = subprocess.run(
        [*command, "--replay", str(file)], cwd=project, env=variables, capture_output=True, text=True
    )
    assert (again.returncode, again.stdout) == (0, done.stdout)


def test_an_azure_that_does_one_thing_otherwise_refutes_that_belief_and_no_other(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    def alter(azure: Azure) -> None:
        azure.possible.upload_answer = UploadAnswer.NO_CREDENTIAL

    with simulated(tmp_path, alter, environment) as journey:
        evidence = journey.perform(print)
    wrong = {name for name, outcome in outcomes(evidence).items() if outcome is Outcome.WRONG}
    assert wrong == {"upload-is-signed"}
    assert [step.exit_code for step in evidence.steps] == [0, 0, 0, 0], "trainup lives with either"
