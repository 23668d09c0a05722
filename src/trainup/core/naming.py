"""Names of runs, their ids, and the job names of their attempts."""

import re

RUN_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RUN_NAME_RULE = "lower-case letters, digits and single dashes, starting with a letter, at most 40 characters"
RUN_NAME_MAX = 40
DIGEST_CHARS = 12
JOB_NAME = re.compile(
    rf"{RUN_NAME.pattern}-[0-9a-f]{{{DIGEST_CHARS}}}(-a[1-9][0-9]*|-\d{{8}}T\d{{6}}Z)?"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
"""Also what Azure ML may call a job of a schedule: a GUID, or the schedule with the time."""
ATTEMPT = re.compile(r"(?<=-[0-9a-f]{12})-a[1-9][0-9]*$")


def check_run_name(name: str) -> str | None:
    """What is wrong with a run's name, or None. 40 + digest + attempt fits every target's limit."""
    if RUN_NAME.fullmatch(name) and len(name) <= RUN_NAME_MAX:
        return None
    return f"{name!r} is no name for a run: a name is {RUN_NAME_RULE}"


def run_id(run: str, digest: str) -> str:
    """The resource id of a run, `<run>-<first 12 digits of the digest>`; also its first attempt's job name."""
    return f"{run}-{digest[:DIGEST_CHARS]}"


def is_job_name(text: str) -> bool:
    """Whether this could be the name of an attempt."""
    return bool(JOB_NAME.fullmatch(text))


def id_of(job: str) -> str:
    """The run id that a job name contains."""
    return ATTEMPT.sub("", job)


def run_of(job: str) -> str:
    """The name of the run that a job name contains."""
    return id_of(job)[: -DIGEST_CHARS - 1]


def job_name(run_id: str, attempt: int) -> str:
    """The job name of an attempt: the run id, then `-a2`, `-a3` … Raises ValueError for an attempt below 1."""
    if attempt < 1:
        raise ValueError(f"attempt {attempt} does not exist: attempts count from 1")
    return run_id if attempt == 1 else f"{run_id}-a{attempt}"
