"""Recognizes failures of jobs that are due to a role assignment which was not in effect yet."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trainup.core.status import Status
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.http.waits import ROLE_SECONDS
from trainup.jobs.azure.job.failures import lacks_role
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.phases import seconds_of, steady_now
from trainup.jobs.azure.job.records import JobView
from trainup.jobs.azure.platform import assignments
from trainup.jobs.target import Passing, Record


class LateRoles:
    """Adds `passing` to records of jobs that failed before a new role of their identities was in effect."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._workspace = observer.workspace

    def noted(self, record: Record) -> Record:
        """The record of an ended job, with `passing` if a new role explains its failure."""
        view = self._observer.last_view(record.name)
        if record.status is not Status.FAILED or not lacks_role(
            view.details.get("error"), ran=view.times.started is not None
        ):
            return record
        try:
            assigned = max(self._assigned(view), default=None)
        except AzureError:  # whoever may not read roles gets the failure as it is
            return record
        now = steady_now()
        ended = view.times.ended or now
        if assigned is None or not 0 <= ended - assigned < ROLE_SECONDS:
            return record
        age = f"{(ended - assigned) / 60:.0f} minutes"
        limit = f"{ROLE_SECONDS / 60:.0f} minutes"
        why = f"a role that its identity got {age} before may not be in effect yet, which takes up to {limit}"
        return replace(record, passing=Passing(why, max(0.0, assigned + ROLE_SECONDS - now)))

    def _assigned(self, view: JobView) -> Iterator[float]:
        """When the roles of the job's identities were assigned, in seconds since the epoch. Raises AzureError."""
        workspace = self._workspace
        client, parts = workspace.client, workspace.id.split("/")
        identities = [client.get(workspace.id).get("identity")]
        if cluster := view.inside.get("computeId"):
            identities.append((client.find(str(cluster)) or {}).get("identity"))
        principals = {principal for identity in identities for principal in _principals(identity)}
        if (view.inside.get("identity") or {}).get("identityType") == "UserIdentity":
            principals.add(_caller(client.token()))
        own = (workspace.facts.get("storageAccount"), workspace.facts.get("containerRegistry"))
        # The widest scope that may be read comes first: it also has the roles on data and registries elsewhere.
        scopes = ["/".join(parts[:3]), "/".join(parts[:5]), *(str(scope) for scope in own if scope)]
        for principal in sorted(principals):
            for text in self._created(scopes, principal):
                if (moment := seconds_of(text)) is not None:
                    yield moment

    def _created(self, scopes: list[str], principal: str) -> list[str]:
        *wider, last = scopes
        for scope in wider:
            try:
                return assignments.created(self._workspace.client, scope, principal)
            except AzureError as error:
                if error.status != 403:
                    raise
        return assignments.created(self._workspace.client, last, principal)


def _caller(token: str) -> str:
    """The principal id of whom a token is for; empty for a token that does not tell."""
    try:
        claims = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["oid"])
    except (IndexError, ValueError, KeyError):  # Azure promises nothing about the form of its tokens
        return ""


def _principals(identity: Mapping[str, Any] | None) -> Iterator[str]:
    """The principal ids of a resource's identities."""
    assigned = ((identity or {}).get("userAssignedIdentities") or {}).values()
    for one in (identity or {}, *assigned):
        if principal := (one or {}).get("principalId"):
            yield str(principal)
