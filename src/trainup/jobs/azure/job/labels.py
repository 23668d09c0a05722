"""What trainup writes on a job in Azure ML: whose it is, what it is, and what became of it.

Properties are facts, written once. Tags can be added and overwritten, not removed, and lists are filtered by their
names alone: so there is one tag for the run's id and one for each owner.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from trainup.core.failure import Failure, FailureClass
from trainup.jobs.target import Job, Owner, TargetError

DIGEST, RUN, ID, ATTEMPT = "trainup.digest", "trainup.run", "trainup.id", "trainup.attempt"
PRICE = "trainup.node_price"
OWNER = "trainup.owner."
STOPPED = "trainup.stopped"
"""Why trainup itself ended the run: `class` and `message`."""
PHASES = "trainup.phases"
"""How long each phase took, as whoever watched it saw; the service tells only start and end."""
RELEASED = "-"
LONGEST = 1000
"""Characters of a tag's value."""


def id_tag(identity: str) -> str:
    """The tag that all attempts of a run have."""
    return f"{ID}.{identity}"


def owner_tag(owner: Owner) -> str:
    """The tag of one resource's ownership. Where its project lies does not matter: a stack is known by its name."""
    return OWNER + hashlib.sha256(owner.urn.encode()).hexdigest()[:16]


def owner_value(owner: Owner) -> str:
    """Token and resource. TargetError where no tag could hold them."""
    value = f"{owner.token} {owner.urn}"
    if len(value) > LONGEST:
        raise TargetError(
            f"the run's resource has a URN of {len(owner.urn)} characters, and a tag of Azure ML holds {LONGEST} with "
            "its token: give the stack, the project or the components around the run shorter names"
        )
    return value


def has(tags: Mapping[str, str] | None, wanted: Mapping[str, str]) -> bool:
    """Whether all of these tags are there."""
    return wanted.items() <= (tags or {}).items()


def owners(tags: Mapping[str, str]) -> tuple[Owner, ...]:
    """All owners that have not given it up."""
    told = [str(value) for key, value in sorted(tags.items()) if key.startswith(OWNER)]
    found = (value.partition(" ") for value in told if value != RELEASED)
    return tuple(Owner(urn, token) for token, _, urn in found if urn)


def others(tags: Mapping[str, str] | None, own: Mapping[str, str]) -> dict[str, str]:
    """The tags of all owners but those of `own`."""
    left = {key: value for key, value in (tags or {}).items() if key.startswith(OWNER) and value != RELEASED}
    return {key: value for key, value in left.items() if own.get(key) != value}


def tags(job: Job, attempt: int) -> dict[str, str]:
    """The tags of a new job: the user's own, and trainup's."""
    return {
        **job.spec.tags,
        "managed-by": "trainup",
        id_tag(job.id): str(attempt),
        owner_tag(job.owner): owner_value(job.owner),
    }


def properties(job: Job, attempt: int) -> dict[str, str]:
    """The properties of a new job."""
    facts = {DIGEST: job.digest, RUN: job.run, ID: job.id, ATTEMPT: str(attempt)}
    return facts | ({PRICE: str(job.spec.node_price)} if job.spec.node_price is not None else {})


def stopped(kind: FailureClass, message: str) -> str:
    """The value of STOPPED."""
    return json.dumps({"class": kind, "message": message[: LONGEST // 2]})


def stopped_by(tags: Mapping[str, str]) -> Failure | None:
    """Why trainup ended the run, if it did."""
    found = read(tags.get(STOPPED))
    if not found:
        return None
    known = set(FailureClass)
    kind = FailureClass(found["class"]) if found.get("class") in known else FailureClass.CANCELED
    return Failure(kind, f"the run was canceled: {found.get('message', '')}")


def write(values: Mapping[str, Any]) -> str:
    """A tag's JSON."""
    return json.dumps(dict(values), separators=(",", ":"))


def read(text: str | None) -> dict[str, Any]:
    """A tag's JSON; anything else counts as nothing, for a tag can be edited by anybody."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
