"""Beliefs about what the schedules of a workspace start."""

from trainup.verification import judges
from trainup.verification.beliefs.belief import Belief

SCHEDULE = "a run with a schedule, and a time at which it starts"
DOCUMENT = "documentation (how-to-schedule-pipeline-job)"

BELIEFS = (
    Belief(
        "schedule-labels",
        "a job that a schedule starts has the tags and properties of its jobDefinition, and a name of Azure ML's own",
        "trainup.jobs.azure.job.schedules:body_of",
        "trainup.simulator.rest.schedules:fire",
        "GET …/jobs lists a job with the tags and properties that the schedule was sent with",
        judges.not_judged,
        source=f"{DOCUMENT} for the name",
        needs=SCHEDULE,
    ),
    Belief(
        "schedule-outputs",
        "${{name}} in the address of an output is the name of the job, also in jobs that a schedule starts",
        "trainup.jobs.azure.job.schedules:body_of",
        "trainup.simulator.machines.data:Data",
        "GET …/jobs/{} has its own name in the address of its checkpoints",
        judges.not_judged,
        source="documentation of output addresses (how-to-read-write-data-v2)",
        needs=SCHEDULE,
    ),
)
