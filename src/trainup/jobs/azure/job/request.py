"""Shows the request that would start a run, without sending it."""

from typing import Any

from trainup.core.naming import job_name
from trainup.jobs.attempts import next_number
from trainup.jobs.azure.http.client import API_VERSION
from trainup.jobs.azure.job.body import to_command_job
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.azure.target import AzureTarget
from trainup.jobs.target import Job


def request_of(job: Job, submission: Submission) -> dict[str, Any]:
    """Method, URL and body of the request for the next attempt. It reads from Azure and changes nothing there.

    The next `pulumi up` would send the same request except for the owner's token in the tags. Raises AzureError,
    SnapshotError, TargetError.
    """
    attempt = next_number(AzureTarget(submission.workspace, submission).attempts(job.id))
    references = submission.references(job)
    resource_manager = submission.workspace.client.endpoints.resource_manager
    address = f"{resource_manager}{submission.workspace.job(job_name(job.id, attempt))}"
    return {
        "method": "PUT",
        "url": f"{address}?api-version={API_VERSION}",
        "body": to_command_job(job, attempt, references),
    }
