"""`trainup:index:Run`: one training run, waited for. The target's own record is the truth; state is a view of it."""

import uuid
from typing import Any

from trainup.core.failure import FailureClass
from trainup.core.inputs import COMPUTED, IDENTITY_INPUTS, Finding, RunInputs, parse_run
from trainup.core.spec import OnDelete, OnFailure, OnInterrupt
from trainup.core.status import Status
from trainup.core.values import UNKNOWN, has_unknown, reveal
from trainup.jobs import lifecycle, outputs, snapshot
from trainup.jobs.local.files import UnreadableRecord
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import Job, Owner, Record, Target, TargetError
from trainup.provider.handler import (
    Change,
    Context,
    Difference,
    InitFailed,
    Properties,
    ResourceError,
    State,
    compare,
    unknown_outputs,
)
from trainup.provider.places import local_workspace

TAIL_LINES = 20
BURST = 20
"""Log lines that arrive together are shown as one message from this number on."""
PLACES = frozenset({"run", "target", "workspace"})
"""Inputs that decide whose record it is: another one is another run."""
TOLD = (*outputs.NAMES, "owner")
"""Outputs that only the run itself can tell."""


class RunHandler:
    """Inputs: `core/inputs.py`. Check adds `digest`, `snapshot_digest` and `manifest`."""

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        inputs = {name: value for name, value in inputs.items() if name not in COMPUTED}
        parsed, findings = parse_run(inputs)
        if parsed.source and not has_unknown(inputs.get("allow_secrets")):
            found, problems = _snapshot(context, inputs, parsed)
            inputs |= found
            findings += problems
        elif inputs.get("source") is not None:
            inputs |= {"snapshot_digest": UNKNOWN, "manifest": UNKNOWN}
        if findings:
            return inputs, findings
        parsed, findings = parse_run(inputs)
        return {**inputs, "digest": parsed.spec.digest() if parsed.spec else UNKNOWN}, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        replaced = new.get("digest") != old.get("digest") or any(new.get(name) != old.get(name) for name in PLACES)
        changes = compare(_compared(old), _compared(new), lambda name: _kind(name, replaced))
        if replaced and Change.REPLACE not in changes.values():
            changes["digest"] = Change.REPLACE
        status = _status(state.outputs)
        if not replaced and _needs_attention(status, new):
            changes["status"] = Change.UPDATE
        # Two runs of one resource must never compete: one that is still active ends before the next begins.
        return Difference(changes, delete_first=replaced and not status.is_terminal)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        known = {name: inputs.get(name, UNKNOWN) for name in ("digest", "workspace", "target")}
        if state and not _needs_attention(_status(state.outputs), inputs):
            return {**state.outputs, **known}
        return {**unknown_outputs(*TOLD), **known}

    def create(self, context: Context, inputs: Properties) -> State:
        return self._drive(context, inputs, Owner(context.urn, uuid.uuid4().hex))

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        owner = Owner(context.urn, state.outputs.get("owner") or uuid.uuid4().hex)
        return self._drive(context, inputs, owner, keep_failure=_status(state.outputs).is_failure)

    def read(self, context: Context, state: State) -> State | None:
        inputs = state.inputs or {}
        target = _target(context, {**state.outputs, **inputs})
        try:
            attempts = target.attempts(state.id)
        except (TargetError, UnreadableRecord) as error:
            raise ResourceError(str(error)) from error
        if not attempts:
            return None
        record = attempts[-1]
        told = {**state.outputs, **_told(record, target, len(attempts))}
        refresh = not record.status.is_terminal
        # A run canceled elsewhere is drift, shown as such; a failed or active one is not yet what was asked for.
        if _needs_attention(record.status, inputs) and record.status is not Status.CANCELED:
            raise InitFailed(state.id, told, [_sentence(record)], refresh=refresh)
        return State(state.id, told, inputs, refresh)

    def delete(self, context: Context, state: State) -> None:
        inputs = {**state.outputs, **(state.inputs or {})}
        owner = Owner(context.urn, state.outputs.get("owner", ""))
        on_delete = OnDelete(inputs.get("on_delete") or OnDelete.KEEP)
        try:
            _target(context, inputs).release(state.id, owner, on_delete)
        except (TargetError, UnreadableRecord) as error:
            raise ResourceError(str(error)) from error

    def _drive(self, context: Context, inputs: Properties, owner: Owner, *, keep_failure: bool = False) -> State:
        """Start or find the run and see it through, as far as the inputs ask for that."""
        job = _job(context, inputs, owner)
        target = _target(context, inputs)
        try:
            if keep_failure and job.spec.on_failure is OnFailure.KEEP:
                with target.exclusive():
                    record = target.adopt(target.attempts(job.id)[-1], job)
            elif job.spec.wait:
                record = lifecycle.run(target, job, _listener(context), context.canceled)
            else:
                record = lifecycle.start(target, job)
        except lifecycle.Interrupted as interrupted:
            record = self._interrupted(context, target, job, interrupted.record)
        except (TargetError, UnreadableRecord, snapshot.SnapshotError, OSError) as error:
            raise ResourceError(f"{job.id} could not be started or watched: {error}") from error
        return _outcome(target, job, owner, inputs, record)

    def _interrupted(self, context: Context, target: Target, job: Job, record: Record) -> Record:
        if job.spec.on_interrupt is OnInterrupt.CANCEL:
            return target.cancel(record.name, "`pulumi up` was interrupted") or record
        return record


def _snapshot(context: Context, inputs: Properties, parsed: RunInputs) -> tuple[Properties, list[Finding]]:
    assert parsed.source is not None
    try:
        taken = snapshot.take(
            context.project / parsed.source,
            cache=snapshot.StatCache.load(_cache(context)),
            allow_secrets=inputs.get("allow_secrets") or (),
        )
    except snapshot.SnapshotError as error:
        return {}, [Finding("source", problem) for problem in error.problems]
    findings = []
    if parsed.script and parsed.script not in taken.files:
        where = f"{parsed.source}/{parsed.script}"
        excluded = (context.project / parsed.source / parsed.script).is_file()
        why = "is kept out by an ignore file" if excluded else "does not exist"
        findings.append(Finding("script", f"{where} {why}; `script` names a file of the source folder"))
    return {"snapshot_digest": taken.digest, "manifest": taken.manifest}, findings


def _cache(context: Context) -> Any:
    return context.project / ".trainup" / "snapshots.json"


def _job(context: Context, inputs: Properties, owner: Owner) -> Job:
    parsed, findings = parse_run(inputs)
    if findings or parsed.spec is None:
        reasons = "; ".join(f"{item.property}: {item.reason}" for item in findings)
        raise ResourceError(f"the inputs of this run are not complete: {reasons or 'some are still unknown'}")
    return Job(
        run=parsed.run,
        spec=parsed.spec,
        digest=parsed.spec.digest(),
        owner=owner,
        source=context.project / parsed.source if parsed.source else None,
        allow_secrets=tuple(inputs.get("allow_secrets") or ()),
        secrets=reveal(parsed.secrets),
        cluster=parsed.cluster,
        sources=parsed.sources,
    )


def _target(context: Context, inputs: Properties) -> Target:
    secrets = {name: value for name, value in reveal(inputs.get("secrets") or {}).items() if isinstance(value, str)}
    return LocalTarget(local_workspace(context, inputs["workspace"]), secrets)


def _listener(context: Context) -> lifecycle.Listener:
    def lines(texts: list[str]) -> None:
        if len(texts) >= BURST:
            context.info("\n".join(texts))
        else:
            for text in texts:
                context.info(text)

    def status(record: Record) -> None:
        context.info(f"{record.name}: {record.status}")

    return lifecycle.Listener(lines, status)


def _outcome(target: Target, job: Job, owner: Owner, inputs: Properties, record: Record) -> State:
    told = {
        **{name: inputs[name] for name in ("digest", "workspace", "target")},
        **_told(record, target, record.attempt),
        "owner": owner.token,
    }
    refresh = not record.status.is_terminal
    if record.status.is_failure and job.spec.on_failure is OnFailure.FAIL:
        raise InitFailed(job.id, told, [_report(record, target)], refresh=refresh)
    if refresh and job.spec.wait:
        reason = f"{record.name} is {record.status} and goes on; the next `pulumi up` attaches to it"
        raise InitFailed(job.id, told, [reason], refresh=True)
    return State(job.id, told, inputs, refresh)


def _told(record: Record, target: Target, attempts: int) -> Properties:
    """The outputs that the target's record tells."""
    told: Properties = outputs.outputs_of(record, attempts)
    told |= {"reproduce": record.reproduce, "log_tail": None}
    if record.failure:
        told["log_tail"] = target.log_tail(record.name, TAIL_LINES)
    return told


def _report(record: Record, target: Target) -> str:
    """What a user needs to act on a failure, in one message."""
    tail = target.log_tail(record.name, TAIL_LINES)
    parts = [_sentence(record)]
    if tail:
        parts += [f"last lines of the log ({record.log_uri}):", *(f"  {line}" for line in tail)]
    parts.append(f"the same by hand: {record.reproduce}")
    if record.failure:
        parts.append(f"what to do: {record.failure.remedy}")
    return "\n".join(parts)


def _sentence(record: Record) -> str:
    if not record.failure:
        return f"{record.name} is {record.status}"
    kind: FailureClass = record.failure.failure_class
    return f"{record.name} {record.status} ({kind}): {record.failure.message}"


def _status(outputs: Properties) -> Status:
    return Status(outputs.get("status") or Status.NOT_RESPONDING)


def _needs_attention(status: Status, inputs: Properties) -> bool:
    """Whether an `up` with these inputs has something to do about a run that stands so."""
    if status.is_failure:
        return inputs.get("on_failure") != OnFailure.KEEP
    return not status.is_terminal and inputs.get("wait") is not False


def _compared(inputs: Properties) -> Properties:
    # Where the source lies is no part of a run, and the digests only sum up what is compared one by one.
    left_out = {"source", "allow_secrets", "digest", "snapshot_digest"}
    return {name: value for name, value in inputs.items() if name not in left_out}


def _kind(name: str, replaced: bool) -> Change:
    identity = name in IDENTITY_INPUTS or name in PLACES or name == "manifest"
    return Change.REPLACE if replaced and identity and name != "secrets" else Change.UPDATE
