"""Deploy and train in CI: the commands of the workflows, taken out of them, against the Azure on this machine."""

import hashlib
import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import REPOSITORY
from tests.support.tokens import TOKEN, tokens
from tests.support.workflows import Attempt, bare, checked_out
from trainup.simulator.cloud.azure import CLIENT
from trainup.simulator.rehearsal import Rehearsal, rehearsal

pytestmark = pytest.mark.engine

WORKFLOWS = REPOSITORY / ".github" / "workflows"
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
SCRIPT = """\
import os, pathlib, sys, time
for step in range(5):
    print("step", step, flush=True)
    time.sleep(0.2)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
print("the end")
"""
QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.2", "AZUREML_RUN_POLLING_INTERVAL_MAX": "1"}


class GitHub:
    """A repository whose workflows are run here."""

    def __init__(self, folder: Path, running: Rehearsal, environment: dict[str, str], login: dict[str, str]) -> None:
        self.running, self.folder = running, folder
        running.azure.federated.add(TOKEN)
        self.backend = folder / "state"
        self.backend.mkdir()
        self.checkout = checked_out(REPOSITORY, folder / "checkout")
        # What a runner has to download comes from elsewhere, which the rehearsal would not allow.
        subprocess.run(["make", "setup"], cwd=self.checkout, env=bare(environment), check=True)
        given = running.environment(environment)
        self._environment = {
            # No identity of the machine: a job of GitHub has none.
            **{name: value for name, value in given.items() if "MSI" not in name and "IDENTITY" not in name},
            **QUICK,
            **bare(environment, "PATH", "PYTHON"),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "in place of a key in a vault",
            **login,
        }
        self.configure({})

    def configure(self, runs: dict[str, Any]) -> None:
        """Commit these runs."""
        text = (REPOSITORY / "Pulumi.dev.yaml").read_text()
        azure = self.running.azure
        sections = {"image": {"context": "image"}, "runs": runs, "access": {"users": [azure.deployer]}}
        config = yaml.safe_load(text)["config"] | {f"trainup:{name}": value for name, value in sections.items()}
        config["azure-native:subscriptionId"] = azure.subscription
        (self.checkout / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
        for name, content in (("image/Dockerfile", "FROM python:3.11\n"), ("code/main.py", SCRIPT)):
            (self.checkout / name).parent.mkdir(exist_ok=True)
            (self.checkout / name).write_text(content)

    def start(self, workflow: str, attempt: int = 1) -> Attempt:
        """Begin a run of a workflow."""
        azure = self.running.azure
        context = {
            "vars": {
                "AZURE_CLIENT_ID": CLIENT,
                "AZURE_TENANT_ID": azure.tenant,
                "AZURE_SUBSCRIPTION_ID": azure.subscription,
                "PULUMI_BACKEND_URL": self.backend.as_uri(),
            },
            "github": {"run_attempt": str(attempt)},
        }
        return Attempt(WORKFLOWS / workflow, self.checkout, self._environment, context)

    def jobs(self) -> list[str]:
        return sorted(job["name"] for job in self.running.azure.resources(JOBS))

    def locks(self) -> list[Path]:
        return list(self.backend.glob(".pulumi/locks/**/*.json"))

    def move_locks(self) -> None:
        """Let them be those of another machine: every attempt gets a new one."""
        for path in self.locks():
            path.write_text(json.dumps({**json.loads(path.read_text()), "hostname": "another-runner"}))

    def state(self) -> str:
        """Changes with the state, and when something was written and taken away again."""
        told = hashlib.sha256()
        for path in sorted(self.backend.rglob("*")):
            told.update(f"{path} {path.stat().st_mtime_ns}".encode())
        return told.hexdigest()


def run(go: Path, **more: Any) -> dict[str, Any]:
    return {"r": {"source": "code", "script": "main.py", "arguments": [str(go)], **more}}


def test_merges_train_once_and_a_job_that_was_cut_off_is_taken_up_by_the_next(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    there, go = tmp_path / "there", tmp_path / "go"
    there.touch()
    with rehearsal(tmp_path / "rehearsal") as running, tokens() as login:
        github = GitHub(tmp_path, running, environment, login)

        # The first deployment of all makes the stack as well.
        github.configure(run(there))
        first = github.start("deploy-and-train.yml")
        steps = first.finish()
        assert set(steps.values()) == {0}, first.text
        assert "Free the stack of the lock of an attempt that was cut off" not in steps
        assert "step 4" in first.text
        assert json.loads((github.checkout / "results.json").read_text())["runs"]["r"]["status"] == "Completed"
        assert len(github.jobs()) == 1

        # A merge that changes nothing.
        second = github.start("deploy-and-train.yml")
        assert set(second.finish().values()) == {0}, second.text
        assert "unchanged" in second.text
        assert len(github.jobs()) == 1

        # A pull request: its preview tells of a new run, and changes nothing anywhere.
        github.configure(run(go))
        changes, state, asked = len(running.azure.log), github.state(), len(running.azure.journal.entries)
        preview = github.start("preview.yml")
        assert set(preview.finish().values()) == {0}, preview.text
        assert "replace" in preview.text
        assert str(go) in preview.text
        assert (len(running.azure.log), github.state(), len(github.jobs())) == (changes, state, 1)
        entries = running.azure.journal.entries[asked:]
        assert {entry.method for entry in entries if "/oauth2/" not in entry.path} <= {"GET"}

        # Its merge trains for longer than the job may wait: the training goes on, and the stack is free.
        third = github.start("deploy-and-train.yml")
        third.wait_for("step 1")
        third.signal(signal.SIGALRM)  # the clock of `timeout`
        steps = third.finish()
        assert steps["Deploy and train"] == 124, third.text
        assert "goes on; the next `make up STACK=dev` attaches to it" in third.text
        assert steps["Tell the results"] == 0, third.text
        assert "Running" in third.done[-1].text
        assert github.locks() == []
        assert len(github.jobs()) == 2

        # Its re-run loses its machine in mid-training: the lock stays.
        fourth = github.start("deploy-and-train.yml", attempt=2)
        fourth.wait_for("step 1")
        fourth.cut_off()
        github.move_locks()
        (lock,) = github.locks()

        # The first attempt at another deployment breaks no lock: who holds it could still be at work.
        fifth = github.start("deploy-and-train.yml")
        assert fifth.finish()["Deploy and train"] not in (0, 124), fifth.text
        assert "on another-runner: if that is gone, run `make unlock STACK=dev`" in fifth.text
        assert github.locks() == [lock]

        # Whoever re-runs it frees the stack, attaches, and is told every line.
        sixth = github.start("deploy-and-train.yml", attempt=2)
        sixth.wait_for("step 1")
        go.touch()
        assert set(sixth.finish().values()) == {0}, sixth.text
        told = [match[1] for match in re.finditer(r"^r \| (step \d|the end)$", sixth.text, re.MULTILINE)]
        assert told == [*(f"step {step}" for step in range(5)), "the end"], sixth.text
        assert github.locks() == []
        assert len(github.jobs()) == 2, "one job ever for each set of inputs"
        assert running.trap.caught == []
