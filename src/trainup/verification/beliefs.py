"""What trainup believes of Azure that no document or report backs (`make beliefs`), and what reports say (`--all`).

A belief names where the code relies on it, what stands for it in the simulated Azure, and which request and answer
would confirm it. `trainup verify-azure` judges each by what its journey has seen.
"""

from dataclasses import dataclass

from trainup.verification import judges
from trainup.verification.judging import Judge

NOTES = "public notes on a live subscription, 2026"


@dataclass(frozen=True)
class Belief:
    """One claim about the service."""

    name: str
    claim: str
    relied_on: str
    """Where the code relies on it: `module:function`."""
    simulated_by: str
    """What stands for it in the simulated Azure: `module:name`."""
    confirmed_by: str
    """The request and the answer that confirm it."""
    judge: Judge
    source: str = ""
    """The document or report that says so; empty for what nothing backs."""
    needs: str = ""
    """The situation in which it shows, where the journey does not bring that about."""
    altered_by: str = ""
    """The setting of the simulated Azure that makes it untrue: `possible.unread = 2`. Empty if there is none."""


BELIEFS = (
    Belief(
        "job-is-found",
        "a job is found by its name as soon as its PUT was answered, or within a minute",
        "trainup.jobs.azure.job.observation:Observer.get",
        "trainup.simulator.cloud.possible:Possible.unread",
        "PUT …/jobs/{} 201, and then no 404 to GET …/jobs/{} and …/runs/{}/details",
        judges.job_is_found,
        altered_by="possible.unread = 3",
    ),
    Belief(
        "upload-is-signed",
        "the upload of code gets the address of a container with a signature",
        "trainup.jobs.azure.platform.code:ensure",
        "trainup.simulator.cloud.possible:Possible.upload_answer",
        "POST …/startPendingUpload 200 with blobReferenceForConsumption.credential.sasUri",
        judges.upload_is_signed,
        altered_by="possible.upload_answer = no credential",
    ),
    Belief(
        "upload-starts-at-once",
        "an upload of code can start before the workspace's identity has its role on the storage",
        "trainup.jobs.azure.platform.code:ensure",
        "trainup.simulator.cloud.possible:Possible.upload_needs_role",
        "POST …/startPendingUpload 200 at the first try",
        judges.upload_start,
        altered_by="possible.upload_needs_role = 403",
    ),
    Belief(
        "logs-are-signed",
        "the signed addresses of log files can be read in a workspace whose storage permits no keys",
        "trainup.jobs.azure.job.logs:Logs.read",
        "trainup.simulator.cloud.possible:Possible.refuses_signatures",
        "GET of an address in `logFiles` 200 or 206",
        judges.logs_are_signed,
        altered_by="possible.refuses_signatures = True",
    ),
    Belief(
        "busy-cluster",
        "a job is accepted while its cluster is created or changed",
        "trainup.jobs.azure.job.jobs:Jobs.put",
        "trainup.simulator.cloud.possible:Possible.refuses_busy_clusters",
        "PUT …/jobs/{} 201 right after the PUT of the cluster",
        judges.busy_cluster,
    ),
    Belief(
        "compute-delete",
        "a cluster is deleted by a DELETE with `underlyingResourceAction=Delete`, whether or not Azure insists on it",
        "trainup.jobs.azure.platform.clusters:remove",
        "trainup.simulator.cloud.azure:Azure.asks_how_to_delete",
        "DELETE …/computes/{}?underlyingResourceAction=Delete 200 or 202",
        judges.compute_delete,
        source="documentation of the REST API (Compute - Delete)",
    ),
    Belief(
        "code-by-hash",
        "versions of code are listed by the hash of their content",
        "trainup.jobs.azure.platform.code:find",
        "trainup.simulator.rest.ml:_versions",
        "GET …/codes/{}/versions?hash=…&hashVersion=… 200",
        judges.code_by_hash,
        source="source of azure-ai-ml",
    ),
    Belief(
        "history-lists-logs",
        "the details of a run list its log files by path, `user_logs/std_log.txt` among them",
        "trainup.jobs.azure.job.observation:Observer.details",
        "trainup.simulator.rest.history:_details",
        "GET /history/…/runs/{}/details 200 with `logFiles`",
        judges.history_lists_logs,
        source="source of azure-ai-ml",
    ),
    Belief(
        "job-statuses",
        "a job has no other statuses than those that trainup knows",
        "trainup.jobs.azure.job.statuses:status_of",
        "trainup.simulator.cloud.runs:Runs",
        "GET …/jobs/{}: properties.status",
        judges.job_statuses,
        source="documentation of the REST API (JobStatus)",
    ),
    Belief(
        "code-elsewhere",
        "a version of code may lie in the default datastore, outside of the container that the upload was told",
        "trainup.jobs.azure.platform.code:ensure",
        "trainup.simulator.rest.ml:_answered",
        "PUT …/codes/{}/versions/{} 201 after an upload without a signature",
        judges.code_elsewhere,
        source="source of azure-ai-ml",
        needs="a workspace that signs no addresses",
    ),
    Belief(
        "variable-of-one-line",
        "an environment variable of one line of 5 kB, and one with JSON, reach the node as they are",
        "trainup.jobs.azure.job.body:_variables",
        "trainup.simulator.cloud.possible:Possible.cuts_variables",
        "a job with secrets that completes",
        judges.not_judged,
        needs="a run with secrets",
    ),
    Belief(
        "words-of-a-late-role",
        "a pull that is refused for want of a role says nothing of a manifest, a name, a limit or a full disk",
        "trainup.jobs.azure.job.failures:lacks_role",
        "trainup.simulator.machines.images:pull",
        "`error` in GET …/runs/{}/details of a job that started before the role on the registry was in effect",
        judges.not_judged,
        needs="a job that starts within minutes of a new role",
    ),
    Belief(
        "words-of-a-late-read",
        'a refusal that passes by itself says "not found", "does not exist" or "already exists"',
        "trainup.jobs.azure.job.launcher:Launcher",
        "trainup.simulator.cloud.possible:Unread",
        "the message of a PUT of a job that names what was made a moment before",
        judges.not_judged,
        needs="a read that lags behind a write",
    ),
    Belief(
        "roles-have-dates",
        "the list of a principal's roles at a scope has those below it too, each with `createdOn`",
        "trainup.jobs.azure.platform.assignments:created",
        "trainup.simulator.rest.arm:_list",
        "GET …/roleAssignments?$filter=… 200 with properties.createdOn",
        judges.roles_have_dates,
        source="documentation of the REST API (Role Assignments)",
        needs="a job that fails for want of a role",
    ),
    Belief(
        "second-up",
        "azure-native finds no difference in what the service returns for an unchanged stack",
        "trainup.infra.azure:build",
        "trainup.simulator.plugins.native:AzureNative",
        "a second `up` changes nothing",
        judges.second_up_is_empty,
    ),
    Belief(
        "usage-rows",
        "the list of usages has two rows of the same name per VM family, told apart by `type` alone",
        "trainup.core.quota:judge",
        "trainup.simulator.rest.locations:_usages",
        "GET …/locations/{}/usages: each `name.value` twice, with types of …/dedicatedCores and …/lowPriorityCores",
        judges.usage_rows,
        source=NOTES,
    ),
    Belief(
        "spot-limit",
        "the low-priority row of a family has the limit -1",
        "trainup.core.quota:judge",
        "trainup.simulator.rest.locations:_usages",
        "GET …/locations/{}/usages: `limit` of rows of lowPriorityCores",
        judges.spot_limit,
        source=NOTES,
    ),
    Belief(
        "sizes",
        "the list of sizes has cores, GPUs, memory, spot and the kinds of compute of each size",
        "trainup.core.quota:judge",
        "trainup.simulator.rest.locations:_sizes",
        "GET …/locations/{}/vmSizes 200",
        judges.sizes,
        source="documentation of the REST API (VirtualMachineSize)",
    ),
    Belief(
        "roles",
        "a role is in effect 15 minutes after it was given",
        "trainup.jobs.azure.job.late_roles:LateRoles",
        "trainup.simulator.cloud.clock:Latency.role",
        "no 403 later than 15 minutes after PUT …/roleAssignments/{}",
        judges.roles,
        source=NOTES,
    ),
)
