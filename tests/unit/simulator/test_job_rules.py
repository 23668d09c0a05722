"""What Azure ML refuses about jobs."""

from typing import Any

import pytest

from tests.unit.simulator.conftest import Jobs
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.simulator.cloud import contract
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused


@pytest.fixture
def job(jobs: Jobs) -> str:
    """A job that has ended."""
    identity = jobs.submit("done", "true", tags={"a": "1"})
    jobs.running.machines.wait(identity)
    return identity


def given(azure: Azure, job: str) -> dict[str, Any]:
    """The body that a job was put with."""
    found = azure.find(job)
    assert found is not None
    return {"properties": dict(found["_body"]["properties"])}


def test_the_same_job_can_be_put_again_and_is_not_run_again(azure: Azure, client: AzureClient, job: str) -> None:
    answer = client.send("PUT", job, given(azure, job))
    assert answer.status_code == 200
    assert answer.json()["properties"]["status"] == "Completed"
    run = azure.runs.get(job.split("/jobs/")[0], "done")
    assert run is not None
    assert run.starts == 1


def test_what_describes_a_job_can_change(azure: Azure, client: AzureClient, job: str) -> None:
    body = given(azure, job)
    changes = {
        "description": "what it was for",
        "displayName": "better",
        "tags": {"b": "2"},
        "properties": {"c": "3"},
        "isArchived": True,
    }
    body["properties"] |= changes
    client.put(job, body)
    own = client.get(job)["properties"]
    assert {name: own[name] for name in ("description", "displayName", "tags", "isArchived")} == {
        name: changes[name] for name in ("description", "displayName", "tags", "isArchived")
    }
    assert own["properties"]["c"] == "3"
    assert own["properties"]["StartTimeUtc"]
    assert own["status"] == "Completed"


@pytest.mark.parametrize(
    "change",
    [
        {"command": "false"},
        {"experimentName": "another"},
        {"environmentVariables": {"A": "b"}},
        {"resources": {"instanceCount": 2}},
        {"inputs": {"x": {"jobInputType": "literal", "value": "1"}}},
        {"limits": {"jobLimitsType": "Command", "timeout": "PT1H"}},
    ],
)
def test_nothing_else_of_a_job_can_change(azure: Azure, client: AzureClient, job: str, change: dict[str, Any]) -> None:
    body = given(azure, job)
    body["properties"] |= change
    with pytest.raises(AzureError, match="A job with this name already exists"):
        client.put(job, body)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"environmentId": "/subscriptions/s/resourceGroups/g/providers/N/a/b"}, "environmentId"),
        ({"environmentId": "no-id-1"}, "environmentId"),
        ({"codeId": "/subscriptions/s/resourceGroups/g/providers/N/a/b"}, "codeId"),
        ({"computeId": "/subscriptions/s/resourceGroups/g/providers/N/a/b"}, "computeId"),
        ({"computeId": None}, "instanceType"),
        ({"computeId": None, "resources": {"instanceType": "Standard_NC6"}}, "not supported"),
        ({"resources": {"instanceCount": 3}}, "exceeds the maximum"),
        ({"queueSettings": {"jobTier": "Spot"}}, "serverless"),
        ({"limits": {"jobLimitsType": "Command", "timeout": "1 hour"}}, "ISO 8601"),
        ({"command": "python ${{inputs.x}}"}, "no such entry in inputs"),
        ({"command": "python ${{outputs.y}}"}, "no such entry in outputs"),
        ({"inputs": {"x": {"jobInputType": "uri_folder", "uri": "azureml://datastores/none/paths/a"}}}, "datastore"),
        ({"tags": {f"tag{number}": "" for number in range(51)}}, "at most 50"),
        ({"tags": {"k" * 101: ""}}, "too long"),
        ({"description": "x" * 5001}, "longer than"),
    ],
)
def test_a_job_that_could_not_run_is_refused(jobs: Jobs, change: dict[str, Any], told: str) -> None:
    command = change.pop("command", "true")
    with pytest.raises(Refused, match=told):
        jobs.submit("wrong", command, **change)
    assert jobs.running.azure.runs.get(jobs.sample.workspace, "wrong") is None


@pytest.mark.parametrize("name", ["-begins", "has space", "has.dot", "x" * 256])
def test_a_name_that_cannot_be_one_is_refused(jobs: Jobs, name: str) -> None:
    with pytest.raises(Refused):
        jobs.submit(name, "true")


def test_jobs_are_listed_newest_first_by_tag_type_and_view(azure: Azure, client: AzureClient, jobs: Jobs) -> None:
    azure.page = 2
    for number in range(5):
        jobs.run(f"job{number}", "true", tags={"stack": f"s{number % 2}"})
    listing = f"{jobs.sample.workspace}/jobs"

    def names(**query: str) -> list[str]:
        return [item["name"] for item in client.pages(listing, **query)]

    assert names() == ["job4", "job3", "job2", "job1", "job0"]
    assert names(tag="stack=s1") == ["job3", "job1"]
    assert names(tag="stack") == names()
    assert names(tag="other") == []
    assert names(jobType="Command") == names()
    assert names(jobType="Sweep") == []
    body = given(azure, f"{listing}/job3")
    body["properties"]["isArchived"] = True
    client.put(f"{listing}/job3", body)
    assert names(tag="stack=s1") == ["job1"]
    assert names(listViewType="ArchivedOnly") == ["job3"]
    assert names(listViewType="All") == ["job4", "job3", "job2", "job1", "job0"]


def test_answers_about_jobs_have_the_published_shape(client: AzureClient, jobs: Jobs) -> None:
    kind = "Microsoft.MachineLearningServices/workspaces/jobs"
    jobs.run("fails", "exit 1", outputs={"model": {"jobOutputType": "uri_folder"}})
    jobs.run("works", "true", distribution={"distributionType": "PyTorch", "processCountPerInstance": 1})
    for item in client.pages(f"{jobs.sample.workspace}/jobs"):
        assert contract.findings(kind, "2025-12-01", item, item["name"], direction="response") == []
