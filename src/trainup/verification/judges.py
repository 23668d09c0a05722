"""How each belief is judged by what a journey has seen."""

import re
from collections.abc import Mapping
from typing import Any

from trainup.core.exchange import Exchange
from trainup.jobs.azure.job.statuses import STATUSES
from trainup.verification.evidence import Evidence
from trainup.verification.judging import NOT_SEEN, Outcome, Verdict, confirmed_if

ROLE_SECONDS = 900
"""Seconds after which a role is in effect at the latest (reported)."""
ENDPOINT, DEPLOYMENT = "/onlineEndpoints/{}", "/onlineEndpoints/{}/deployments/{}"
SCORE = "/score"
STATES = frozenset({"Creating", "Updating", "Scaling", "Deleting", "Succeeded", "Failed", "Canceled"})


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _items(exchanges: list[Exchange]) -> list[Mapping[str, Any]]:
    return [item for exchange in exchanges for item in _get(exchange.response, "value") or []]


def usage_rows(evidence: Evidence) -> Verdict:
    rows = _items(evidence.find("GET", "/usages", 200))
    if not rows:
        return NOT_SEEN
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(str(_get(row, "name", "value")), set()).add(str(row.get("type", "")).lower())
    double = [name for name, types in kinds.items() if len(types) > 1]
    untyped = [name for name, types in kinds.items() if types == {""}]
    return confirmed_if(bool(double) and not untyped, f"{len(double)} of {len(kinds)} families have a row per type")


def spot_limit(evidence: Evidence) -> Verdict:
    rows = [
        row for row in _items(evidence.find("GET", "/usages", 200)) if "lowpriority" in str(row.get("type")).lower()
    ]
    limits = sorted({int(row.get("limit", 0)) for row in rows})
    return confirmed_if(-1 in limits, f"limits of spot rows: {limits[:5]}") if rows else NOT_SEEN


def sizes(evidence: Evidence) -> Verdict:
    sizes = _items(evidence.find("GET", "/vmSizes", 200))
    if not sizes:
        return NOT_SEEN
    wanted = {"name", "family", "vCPUs", "gpus", "memoryGB", "lowPriorityCapable", "supportedComputeTypes"}
    missing = sorted({name for size in sizes for name in wanted - set(size)})
    return confirmed_if(not missing, f"{len(sizes)} sizes" + (f" without {', '.join(missing)}" if missing else ""))


def job_is_found(evidence: Evidence) -> Verdict:
    accepted: set[str] = set()
    late = []
    for one in evidence.exchanges:
        if one.method == "PUT" and one.route.endswith("/jobs/{}") and one.status < 300:
            accepted.add(one.about)
        elif one.status == 404 and one.about in accepted and one.route.endswith(("/jobs/{}", "/runs/{}/details")):
            late.append(one)
    if not accepted:
        return NOT_SEEN
    return confirmed_if(not late, f"{len(late)} requests did not find it after it was accepted")


def upload_is_signed(evidence: Evidence) -> Verdict:
    answers = evidence.find("POST", "/startPendingUpload", 200)
    if not answers:
        return NOT_SEEN
    credentials = [_get(one.response, "blobReferenceForConsumption", "credential") for one in answers]
    signed = [one for one in credentials if _get(one, "sasUri")]
    shown = sorted({str(_get(one, "credentialType")) for one in credentials})
    return confirmed_if(len(signed) == len(answers), f"credential: {', '.join(shown)}")


def upload_start(evidence: Evidence) -> Verdict:
    answers = evidence.find("POST", "/startPendingUpload")
    if not answers:
        return NOT_SEEN
    return confirmed_if(
        all(one.status == 200 for one in answers), f"answered {', '.join(str(one.status) for one in answers)}"
    )


def logs_are_signed(evidence: Evidence) -> Verdict:
    reads = [one for one in evidence.find("GET", "/{}/…") if "sig" in one.query]
    if not reads:
        return NOT_SEEN
    refused = [one for one in reads if one.status == 403]
    return confirmed_if(not refused, f"{len(refused)} of {len(reads)} reads of signed addresses answered 403")


def busy_cluster(evidence: Evidence) -> Verdict:
    if not evidence.find("PUT", "/jobs/{}"):
        return NOT_SEEN
    refused = evidence.find("PUT", "/jobs/{}", 409)
    return confirmed_if(not refused, f"{len(refused)} jobs answered 409")


def compute_delete(evidence: Evidence) -> Verdict:
    sent = [one for one in evidence.find("DELETE", "/computes/{}") if "underlyingResourceAction" in one.query]
    refused = [one for one in sent if one.status >= 400 and one.status != 404]
    return confirmed_if(not refused, f"{len(refused)} of {len(sent)} refused") if sent else NOT_SEEN


def history_lists_logs(evidence: Evidence) -> Verdict:
    answers = evidence.find("GET", "/runs/{}/details", 200)
    if not answers:
        return NOT_SEEN
    files = [name for one in answers for name in _get(one.response, "logFiles") or {}]
    return confirmed_if(any("std_log.txt" in name for name in files), f"{len(set(files))} kinds of log files")


def job_statuses(evidence: Evidence) -> Verdict:
    answers = [*evidence.find("GET", "/jobs/{}", 200), *evidence.find("PUT", "/jobs/{}", 200, 201)]
    statuses = {str(_get(one.response, "properties", "status")) for one in answers} - {"None"}
    if not statuses:
        return NOT_SEEN
    strange = sorted(statuses - set(STATUSES))
    return confirmed_if(not strange, f"statuses: {', '.join(sorted(statuses))}")


def code_by_hash(evidence: Evidence) -> Verdict:
    reads = evidence.find("GET", "/codes/{}/versions")
    return confirmed_if(all(one.status == 200 for one in reads), "lists by `hash`") if reads else NOT_SEEN


def second_up_is_empty(evidence: Evidence) -> Verdict:
    steps = [step for step in evidence.steps if step.name == "second up"]
    return confirmed_if(steps[0].exit_code == 0, f"exit code {steps[0].exit_code}") if steps else NOT_SEEN


def roles(evidence: Evidence) -> Verdict:
    made = evidence.find("PUT", "/roleAssignments/{}", 200, 201)
    refused = [
        one
        for one in evidence.exchanges
        if one.status == 403 and made and one.seconds > min(grant.seconds for grant in made) + ROLE_SECONDS
    ]
    if not made:
        return NOT_SEEN
    return confirmed_if(not refused, f"{len(refused)} requests were refused later than {ROLE_SECONDS} s after a grant")


def code_elsewhere(evidence: Evidence) -> Verdict:
    if upload_is_signed(evidence).outcome is not Outcome.WRONG:
        return NOT_SEEN
    answers = evidence.find("PUT", "/codes/{}/versions/{}")
    return confirmed_if(all(one.status < 300 for one in answers), "registered") if answers else NOT_SEEN


def roles_have_dates(evidence: Evidence) -> Verdict:
    rows = _items(evidence.find("GET", "/roleAssignments", 200))
    return (
        confirmed_if(all(_get(row, "properties", "createdOn") for row in rows), f"{len(rows)} roles")
        if rows
        else NOT_SEEN
    )


def not_judged(evidence: Evidence) -> Verdict:
    """For what no request of the journey can show."""
    return NOT_SEEN


def compute_gone(evidence: Evidence) -> Verdict:
    deleted: set[str] = set()
    gone: set[str] = set()
    for one in evidence.exchanges:
        if not one.route.endswith("/computes/{}"):
            continue
        if one.method == "DELETE" and one.status < 300:
            deleted.add(one.about)
        elif one.method == "GET" and one.status == 404 and one.about in deleted:
            gone.add(one.about)
    return confirmed_if(gone == deleted, f"{len(gone)} of {len(deleted)} gone") if deleted else NOT_SEEN


def sizes_for_clusters(evidence: Evidence) -> Verdict:
    kinds = {
        kind
        for size in _items(evidence.find("GET", "/vmSizes", 200))
        for kind in _get(size, "supportedComputeTypes") or []
    }
    return confirmed_if("AmlCompute" in kinds, ", ".join(sorted(kinds))) if kinds else NOT_SEEN


def families(evidence: Evidence) -> Verdict:
    def plain(name: Any) -> str:
        return re.sub(r"[\s_]", "", str(name)).lower()

    rows = {plain(_get(row, "name", "value")) for row in _items(evidence.find("GET", "/usages", 200))}
    sizes = {plain(size.get("family")) for size in _items(evidence.find("GET", "/vmSizes", 200))}
    if not rows or not sizes:
        return NOT_SEEN
    # Families without quota have no row, and those that the region does not sell have no size.
    named = {row for row in rows if not row.startswith("total")}
    return confirmed_if(2 * len(named & sizes) > len(named), f"{len(named & sizes)} of {len(named)} rows name a family")


def permissions(evidence: Evidence) -> Verdict:
    answers = evidence.find("GET", "/permissions")
    return confirmed_if(all(one.status == 200 for one in answers), f"{len(answers)} lists") if answers else NOT_SEEN


def model_by_put(evidence: Evidence) -> Verdict:
    return _accepted(evidence.find("PUT", "/models/{}/versions/{}"))


def model_tags(evidence: Evidence) -> Verdict:
    answers = evidence.find("PUT", "/models/{}")
    kept = [one for one in answers if one.status < 300 and _tags(one.request) == _tags(one.response)]
    return confirmed_if(len(kept) == len(answers), f"{len(kept)} of {len(answers)} kept tags") if answers else NOT_SEEN


def import_by_digest(evidence: Evidence) -> Verdict:
    return _accepted(evidence.find("POST", "/importImage"))


def endpoint_states(evidence: Evidence) -> Verdict:
    states = {str(_state(one)) for end in (ENDPOINT, DEPLOYMENT) for one in evidence.find("GET", end, 200)}
    return confirmed_if(states <= STATES, ", ".join(sorted(states))) if states else NOT_SEEN


def endpoint_address(evidence: Evidence) -> Verdict:
    first: dict[str, Exchange] = {}
    for one in evidence.find("GET", ENDPOINT, 200):
        if _state(one) == "Succeeded":
            first.setdefault(one.about, one)
    told = [one for one in first.values() if _get(one.response, "properties", "scoringUri")]
    return confirmed_if(len(told) == len(first), f"{len(told)} of {len(first)} endpoints") if first else NOT_SEEN


def endpoint_order(evidence: Evidence) -> Verdict:
    made = evidence.find("PUT", DEPLOYMENT, 200, 201)
    if not made:
        return NOT_SEEN
    moved = [one for one in evidence.find("PUT", ENDPOINT) if _get(one.request, "properties", "traffic")]
    deleted = evidence.find("DELETE", DEPLOYMENT)
    refused = [one for one in (*moved, *deleted) if one.status >= 300 and one.status != 404]
    return confirmed_if(bool(moved) and not refused, f"{len(moved)} moved, {len(refused)} refused")


def request_by_header(evidence: Evidence) -> Verdict:
    answers = evidence.find("POST", SCORE)
    return confirmed_if(any(one.status == 200 for one in answers), _statuses(answers)) if answers else NOT_SEEN


def failed_deployment(evidence: Evidence) -> Verdict:
    failed = {one.about for one in evidence.find("GET", DEPLOYMENT, 200) if _state(one) == "Failed"}
    if not failed:
        return NOT_SEEN
    logs = evidence.find("POST", f"{DEPLOYMENT}/getLogs")
    deleted = [one for one in evidence.find("DELETE", DEPLOYMENT) if one.about in failed]
    is_so = any(one.status == 200 for one in logs) and all(one.status < 300 for one in deleted)
    return confirmed_if(is_so, f"logs {_statuses(logs)}, deleted {_statuses(deleted)}")


def _accepted(answers: list[Exchange]) -> Verdict:
    return confirmed_if(all(one.status < 300 for one in answers), _statuses(answers)) if answers else NOT_SEEN


def _statuses(answers: list[Exchange]) -> str:
    return ", ".join(str(status) for status in sorted({one.status for one in answers})) or "none"


def _state(exchange: Exchange) -> Any:
    return _get(exchange.response, "properties", "provisioningState")


def _tags(body: Any) -> Any:
    """How many tags there are, which is what a record keeps of them."""
    return _get(body, "properties", "tags")
