"""The request that would start a run, for whoever wants to read it before it is sent."""

from typing import Any

from trainup.core.naming import job_name
from trainup.jobs.azure.http.client import API_VERSION
from trainup.jobs.azure.job.body import to_command_job
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.azure.target import AzureTarget
from trainup.jobs.target import Job


def request_of(job: Job, submission: Submission) -> dict[str, Any]:
    """Method, address and body as the next attempt would send them. Azure is asked, and nothing is written there.

    The only part that another `up` would send differently is the owner's token among the tags.
    """
    attempts = AzureTarget(submission.workspace, submission).attempts(job.id)
    attempt = attempts[-1].attempt + 1 if attempts else 1
    place = submission.place(job)
    resource_manager = submission.workspace.client.endpoints.resource_manager
    address = f"{resource_manager}{submission.workspace.job(job_name(job.id, attempt))}"
    return {
        "method": "PUT",
        "url": f"{address}?api-version={API_VERSION}",
        "body": to_command_job(job, attempt, place),
    }
