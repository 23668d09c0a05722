"""The tags and properties in which trainup records a job's run, its owners and its outcome.

Properties are written once. Tags can be added and overwritten but not removed, and lists can be filtered only by the
names of tags, so the run id and each owner have a tag of their own.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from trainup.core.failure import CANCELED, Failure, FailureClass
from trainup.core.git_state import GitState
from trainup.core.trials import read as trials_of
from trainup.core.trials import tags_of
from trainup.jobs.target import Job, Owner, StackUrns, TargetError

DIGEST, RUN, ID, ATTEMPT = "trainup.digest", "trainup.run", "trainup.id", "trainup.attempt"
BY_SCHEDULE = "0"
"""The number of attempts that a schedule started, all of which have the same body."""
PRICE = "trainup.node_price"
OWNER = "trainup.owner."
STOPPED = "trainup.stopped"
"""Tag with the reason why trainup ended the run, as JSON with `class` and `message`."""
PHASES = "trainup.phases"
"""Tag with the observed seconds of each phase as JSON; the service records only start and end."""
GIT = {
    "commit": "mlflow.source.git.commit",
    "branch": "mlflow.source.git.branch",
    "repository": "mlflow.source.git.repoURL",
    "dirty": "azureml.git.dirty",
}
"""Fact of a `GitState` → the property by which studio shows it, as azure-ai-ml writes it (`GitProperties`)."""
MANAGED = "managed-by"
"""Tag of all jobs that trainup starts."""
OWNED = ("trainup.", "managed-by")
"""Beginnings of the names of trainup's own tags."""
RELEASED = "-"
LONGEST = 1000
"""Longest value of a tag, in characters."""


def id_tag(run_id: str) -> str:
    """Name of the tag that all attempts of a run have."""
    return f"{ID}.{run_id}"


def owner_tag(owner: Owner) -> str:
    """Name of the tag for an owner. It depends on the resource's URN, not on the folder of its project."""
    return OWNER + hashlib.sha256(owner.urn.encode()).hexdigest()[:16]


def owner_value(owner: Owner) -> str:
    """Value of an owner's tag: token and URN. Raises TargetError if it is too long for a tag."""
    value = f"{owner.token} {owner.urn}"
    if len(value) > LONGEST:
        raise TargetError(
            f"the run's resource has a URN of {len(owner.urn)} characters, and a tag of Azure ML holds {LONGEST} with "
            "its token: give the stack, the project or the components around the run shorter names"
        )
    return value


def has(tags: Mapping[str, str] | None, expected: Mapping[str, str]) -> bool:
    """Whether all expected tags are present with their values."""
    return expected.items() <= (tags or {}).items()


def owners(tags: Mapping[str, str]) -> tuple[Owner, ...]:
    """The owners of a job, without those that have released it."""
    values = [str(value) for key, value in sorted(tags.items()) if key.startswith(OWNER)]
    parts = (value.partition(" ") for value in values if value != RELEASED)
    return tuple(Owner(urn, token) for token, _, urn in parts if urn)


def others(tags: Mapping[str, str] | None, own: Mapping[str, str]) -> dict[str, str]:
    """The tags of all owners except those in `own`."""
    left = {key: value for key, value in (tags or {}).items() if key.startswith(OWNER) and value != RELEASED}
    return {key: value for key, value in left.items() if own.get(key) != value}


def was_of(tags: Mapping[str, str], facts: Mapping[str, str], stack: StackUrns) -> bool:
    """Whether a job belongs to a stack, or did: of a former owner there is only the name of its tag."""
    if any(stack.owns(owner) for owner in owners(tags)):
        return True
    names = [str(facts.get(RUN, "")), *(trial.sweep for trial in trials_of(tags).values())]
    return any(owner_tag(Owner(urn, "")) in tags for name in names for urn in stack.urns_of(name))


def own(job: Job) -> dict[str, str]:
    """The tags by which a job belongs to its owner, and which trial of its sweep it is. TargetError where too long."""
    trial = tags_of(job.owner.urn, job.trial)
    if any(len(text) > LONGEST for text in trial.values()):
        raise TargetError(
            f"trial {job.trial.number if job.trial else ''} has a point of more than {LONGEST} characters, which a tag "
            "of Azure ML does not hold: give the search space shorter names or values"
        )
    return {owner_tag(job.owner): owner_value(job.owner), **trial}


def tags(job: Job, attempt: int) -> dict[str, str]:
    """The tags of a new job: those of the user and those of trainup."""
    return {
        **job.spec.tags,
        MANAGED: "trainup",
        id_tag(job.id): str(attempt),
        **own(job),
    }


def of_user(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a job that the user gave it."""
    return {key: str(value) for key, value in tags.items() if key != MANAGED and not key.startswith("trainup.")}


def properties(job: Job, attempt: int, node_price: float | None = None) -> dict[str, str]:
    """The properties of a new job. `node_price` is Azure's own price, which the run's own goes before."""
    facts = {DIGEST: job.digest, RUN: job.run, ID: job.id, ATTEMPT: str(attempt)}
    git = {GIT[name]: str(value) for name, value in job.git.to_dict().items()}
    price = node_price if job.spec.node_price is None else job.spec.node_price
    return facts | git | ({PRICE: str(price)} if price is not None else {})


def git_of(facts: Mapping[str, str]) -> GitState:
    """The state of git in the properties of a job."""
    known: dict[str, Any] = {name: facts[key] for name, key in GIT.items() if key in facts}
    return GitState.from_dict(known | {"dirty": {"True": True, "False": False}.get(str(known.get("dirty")))})


def stopped(kind: FailureClass, message: str) -> str:
    """Value of the tag STOPPED."""
    return json.dumps({"class": kind, "message": message[: LONGEST // 2]})


def stopped_by(tags: Mapping[str, str]) -> Failure | None:
    """The reason why trainup ended the run; None if it did not."""
    reason = read(tags.get(STOPPED))
    if not reason:
        return None
    classes = set(FailureClass)
    kind = FailureClass(reason["class"]) if reason.get("class") in classes else FailureClass.CANCELED
    return Failure(kind, f"{CANCELED}{reason.get('message', '')}")


def write(values: Mapping[str, Any]) -> str:
    """Value of a tag as JSON."""
    return json.dumps(dict(values), separators=(",", ":"))


def read(text: str | None) -> dict[str, Any]:
    """The JSON object in a tag; `{}` for any other text, because users can edit tags."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
