"""Planted secrets, hunted through a whole life of a stack on Azure: nowhere but where Azure keeps and uses them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.azure import Cloud, cloud
from tests.support.hunt import FAILING, SUCCEEDING, Hunt, is_allowed, plant, planted, set_secrets, trainup

pytestmark = pytest.mark.engine

IMAGE = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai@sha256:" + "c" * 64}
PROVIDERS = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers"
STORAGE = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/pets"
QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}
AZURES_OWN_LOG = re.compile(r"jobs/[^/]+/logs/\d+/std_log\.txt")
"""What Azure ML keeps of what a command printed, as it was printed: there is nobody in between who could mask it."""


@pytest.fixture
def quick(tmp_path: Path, environment: dict[str, str]) -> Iterator[Cloud]:
    with cloud(tmp_path / "azure", {**environment, **QUICK}) as running:
        yield running


def test_planted_secrets_are_nowhere_but_where_azure_keeps_and_uses_them(quick: Cloud, tmp_path: Path) -> None:
    given = planted()
    others = {f"{name}_of_the_platform": value for name, value in planted().items() if name == "TOKEN"}
    login = {"registry_password": others["TOKEN_of_the_platform"]}
    hunt = Hunt(given | others)
    run = {"source": "code", "script": "main.py", "secrets": list(given), "on_delete": "delete"}
    project = quick.stack(
        "dev",
        image=IMAGE,
        runs={"tiny": run},
        registry={"server": "ghcr.io", "username": "team"},
        access={"users": [quick.azure.deployer]},
    )
    (tmp_path / "temporary").mkdir()
    project.environment |= {**QUICK, "TMPDIR": str(tmp_path / "temporary")}
    plant(project, FAILING)
    told = []

    def is_azures(place: str) -> bool:
        return bool(AZURES_OWN_LOG.search(place))

    with hunt.watching(is_allowed):
        set_secrets(project, given | login)
        told.append(project.preview().text)
        failed = project.up("--show-config", "--diff")
        assert failed.code != 0
        assert "ValueError: ***" in failed.text
        told += [failed.text, *failed.said, trainup(project, "logs", "tiny"), trainup(project, "output")]
        assert hunt.files(tmp_path, allowed=is_azures) == []
        told += [project.refresh().text, str(project.state()), project.pulumi("config"), project.pulumi("stack")]
        plant(project, SUCCEEDING)
        done = project.up("--show-config", "--diff")
        assert done.code == 0, done.text
        assert "TOKEN as it is ***" in trainup(project, "logs", "tiny")
        told += [done.text, *done.said, trainup(project, "logs", "tiny"), trainup(project, "runs")]
        told += [str(project.state()), trainup(project, "output"), project.pulumi("stack", "output", "--json")]
        told += [trainup(project, "request", "tiny"), project.refresh("--diff").text]
        jobs = quick.azure.resources("Microsoft.MachineLearningServices/workspaces/jobs")
        told += [str(jobs), str([entry.to_dict() for entry in quick.azure.journal.entries])]
        assert hunt.files(tmp_path, allowed=is_azures) == []
        destroyed = project.destroy()
        assert destroyed.code == 0, destroyed.text
        told.append(destroyed.text)
    assert hunt.texts(told) == []
    assert hunt.files(tmp_path, allowed=is_azures) == []
    assert hunt.processes == set()


def test_a_run_whose_secret_is_gone_from_the_vault_does_not_start(quick: Cloud) -> None:
    given = {"TOKEN": planted()["TOKEN"]}
    run = {"source": "code", "script": "main.py", "secrets": ["TOKEN"]}
    project = quick.stack("dev", image=IMAGE, runs={"tiny": run}, access={"users": [quick.azure.deployer]})
    project.environment |= QUICK
    project.script("print('started')\n")
    set_secrets(project, given)
    real = quick.azure.vaults.get
    quick.azure.vaults.get = lambda vault, name, deleted=False: None if not deleted else real(vault, name, deleted=True)  # type: ignore[method-assign]
    failed = project.up()
    assert failed.code != 0
    output = project.output()["runs"]["tiny"]
    assert (output["status"], output["failure"]["failure_class"]) == ("Failed", "environment")
    assert "the secret TOKEN could not be read from the key vault" in failed.text
    assert "started" not in trainup(project, "logs", "tiny").splitlines()
