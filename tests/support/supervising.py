"""A run that is watched over in the test's own process."""

from trainup.jobs.local.slots import DEFAULT_CLUSTER, Pool
from trainup.jobs.local.supervisor import Supervisor
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job


def watched(workspace: Workspace, folder: RunFolder, job: Job, kind: type[Supervisor] = Supervisor) -> None:
    """See a run, whose lock is held, through as soon as it has slots, which nobody else has."""
    pool = Pool(workspace, job.cluster or DEFAULT_CLUSTER)
    ticket = pool.enqueue(folder, job.spec.nodes)
    turn = pool.deal({ticket.name: job.spec.nodes})[ticket.name]
    kind(workspace, folder, dict(job.secrets), ticket).main(turn)
