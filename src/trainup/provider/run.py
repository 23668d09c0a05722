"""`trainup:index:Run`: a training run and the wait for its end. The target's record is the truth, the state a view."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from trainup.core import targets
from trainup.core.choices import OnDelete, OnFailure, OnInterrupt
from trainup.core.errors import TrainupError
from trainup.core.input_assets import CONTENT
from trainup.core.inputs import COMPUTED, Finding, parse_run, with_definition
from trainup.core.slow_phases import Usual
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.core.values import UNKNOWN, Unknown, has_unknown
from trainup.jobs import git, lifecycle, outputs, snapshot
from trainup.jobs.azure.http.connection import CODE_HASHES
from trainup.jobs.job_inputs import job_of
from trainup.jobs.local.files import UnreadableRecord
from trainup.jobs.target import Job, Owner, Record, Target, TargetError
from trainup.jobs.targets import target_of
from trainup.provider import run_source
from trainup.provider.data import DataDigests
from trainup.provider.handler import (
    Change,
    Context,
    Difference,
    InitFailed,
    Properties,
    ResourceError,
    State,
    unknown_outputs,
)
from trainup.provider.input_checks import check_workspace, run_owner
from trainup.provider.run_alarms import Alarm, EarlierRuns, usual_phases
from trainup.provider.run_changes import changes_of, location_of, needs_attention, status_of
from trainup.provider.run_definition import Definitions
from trainup.provider.run_facts import RunFacts
from trainup.provider.run_reports import last_time, listener, record_outputs, report, sentence
from trainup.provider.run_schedules import news_of, tell_times
from trainup.provider.run_secrets import with_likely_secrets
from trainup.provider.stat_caches import SOURCES, StatCaches

Fill = Callable[[Properties], Properties]
"""Fills the command of inputs in, for the checks that need all of it."""
REFUSALS = (TargetError, UnreadableRecord, snapshot.SnapshotError, OSError)
RUN_OUTPUTS = (*outputs.NAMES, "owner")
"""Outputs that are known only once the run has started or ended."""


class RunHandler:
    """Inputs: `core/run_keys.py`. Check adds `digest`, `snapshot_digest`, `manifest` and the content of a job file."""

    def __init__(self) -> None:
        # A preview writes nothing: what `check` learns about unchanged files is saved when a run is started.
        self._caches = StatCaches(SOURCES)
        self._trees: dict[Path, snapshot.TreeHashes] = {}
        self._data_digests = DataDigests()
        self._definitions = Definitions(self._data_digests)
        self._facts = RunFacts()
        self._earlier = EarlierRuns()
        self._git = git.GitStates()
        self._snapshots = run_source.SharedSnapshots()

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        completed, findings = self.check_filled(context, inputs, lambda inputs: inputs)
        if "sweep" in (completed.get("definition") or {}):
            reason = f"{inputs.get('job')} is a sweep job, and a run has one command: declare a TrainingSweep for it"
            findings = [Finding("job", reason)]
        return completed, findings

    def check_filled(self, context: Context, inputs: Properties, fill: Fill) -> tuple[Properties, list[Finding]]:
        """As `check`, of inputs whose command is filled in first; what is returned is not filled in."""
        inputs = {name: value for name, value in inputs.items() if name not in COMPUTED}
        inputs, file_findings = self._definitions.complete(context, inputs)
        parsed, findings = parse_run(fill(inputs))
        findings = with_likely_secrets(inputs, file_findings + findings) + check_workspace(context.project, parsed)
        if parsed.source and not has_unknown(inputs.get("allow_secrets")):
            kind = targets.find(inputs.get("target"))
            trees = self.tree_hashes(context) if kind and kind.keeps_code else None
            computed, problems = run_source.examine(
                context, inputs, parsed, self._caches.of(context), trees, self._snapshots
            )
            inputs |= computed
            findings += problems
        elif with_definition(inputs).get("source") is not None:
            inputs |= {"snapshot_digest": UNKNOWN, "manifest": UNKNOWN}
        else:
            findings += run_source.missing_source(inputs)
        if findings:
            return inputs, findings
        if warning := run_source.moving_tag(inputs):
            context.warn(warning)
        if warning := run_source.disk_shortage(context.project, inputs):
            context.warn(warning)
        return {**inputs, "digest": _digest(parsed.spec, inputs.get("snapshot_digest"))}, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        changes, replaced = changes_of(old, new)
        if replaced and (told := last_time(state.outputs)):
            context.note(told)
        status = status_of(state.outputs)
        news = "" if replaced else news_of(context, state, new)
        if not replaced and (news or needs_attention(state.outputs, new)):
            changes["status"] = Change.UPDATE
        if changes:
            self._facts.remember(context, state, old, replaced=replaced, news=news)
        # Two runs of one resource must never compete: one that is still active ends before the next begins.
        return Difference(changes, delete_first=replaced and not status.is_terminal)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        news = self._facts.news(context)
        self._facts.preview(context, inputs, self.tree_hashes(context))
        tell_times(context, inputs)
        copied = {name: inputs.get(name, UNKNOWN) for name in ("digest", "workspace", "target")}
        if state and not news and not needs_attention(state.outputs, inputs):
            return {**state.outputs, **copied}
        return {**unknown_outputs(*RUN_OUTPUTS), **copied}

    def create(self, context: Context, inputs: Properties) -> State:
        self._facts.start(context, inputs)
        return self._drive(context, inputs, run_owner(context, inputs))

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        owner = run_owner(context, inputs, state.outputs.get("owner"))
        had_schedule = bool((state.inputs or {}).get("schedule"))
        return self._drive(
            context, inputs, owner, keep_failure=status_of(state.outputs).is_failure, had_schedule=had_schedule
        )

    def read(self, context: Context, state: State) -> State | None:
        inputs = state.inputs or {}
        location = {**location_of(state), **inputs}
        target = target_of(location, context.project)
        try:
            attempts = target.attempts(state.id)
            if not attempts:
                return None
            record = attempts[-1]
            now = {**state.outputs, **record_outputs(record, target)}
        except (TrainupError, OSError) as error:
            if targets.is_elsewhere(location.get("target")):
                raise ResourceError(str(error)) from error
            # One damaged record must not stop the refresh of all other runs; the next `up` reports it again.
            raise InitFailed(state.id, state.outputs, [str(error)]) from error
        refresh = not record.status.is_terminal
        # A run canceled elsewhere is drift, and is shown as drift; a failed or active one is not yet as declared.
        if needs_attention(now, inputs) and record.status is not Status.CANCELED:
            raise InitFailed(state.id, now, [sentence(record)], refresh=refresh)
        return State(state.id, now, inputs, refresh)

    def delete(self, context: Context, state: State) -> None:
        inputs = {**location_of(state), **(state.inputs or {})}
        on_delete = OnDelete(inputs.get("on_delete") or OnDelete.KEEP)
        try:
            target = target_of(inputs, context.project)
            owner = _owner(context, inputs, state, target)
            if inputs.get("schedule"):
                target.remove_schedule(state.id, owner)
            target.release(state.id, owner, on_delete)
        except UnreadableRecord as error:
            # If this failed, the resource could never be removed, and would block all that are deleted after it.
            context.warn(f"{error}; the resource is removed all the same, and what is left of that record stays")
        except TargetError as error:
            raise ResourceError(str(error)) from error

    def _drive(
        self,
        context: Context,
        inputs: Properties,
        owner: Owner,
        *,
        keep_failure: bool = False,
        had_schedule: bool = False,
    ) -> State:
        """Start the run or attach to it, and wait for its end if the inputs say so."""
        target = target_of(inputs, context.project, context.info, context.canceled)  # first: a login takes a while
        job = replace(job_of(inputs, context.project, owner), git=self._git.state_of(context.project))
        self.confirm_data(context, job)
        try:
            self.save(context)
            attempts = target.attempts(job.id) if keep_failure and job.spec.on_failure is OnFailure.KEEP else []
            if attempts and lifecycle.due_since(target, job.spec.schedule, attempts) is None:
                with target.exclusive():
                    record = target.adopt(attempts[-1], job)
            else:
                attempts, record = [], lifecycle.start(target, job)
        except REFUSALS as error:
            raise ResourceError(f"{job.id} could not be started: {error}") from error
        try:
            if job.spec.schedule or had_schedule:
                target.keep_schedule(job)
        except REFUSALS as error:
            raise InitFailed(job.id, _outputs(target, owner, inputs, record), [str(error)], refresh=True) from error
        try:
            if job.spec.wait and not attempts:
                record = _wait(context, target, job, record, self.alarm(context, target, job.owner, inputs))
        except REFUSALS as error:
            # The run exists by now: without a state, `destroy` could not remove it.
            reason = (
                f"{record.name} could not be watched to its end, and may go on; the next `pulumi up` attaches to it"
            )
            now = _outputs(target, owner, inputs, record)
            raise InitFailed(job.id, now, [f"{reason}: {error}"], refresh=True) from error
        return _outcome(target, job, owner, inputs, record)

    def save(self, context: Context) -> None:
        """Keep what the check learned about unchanged files."""
        self._caches.of(context).save()
        self.tree_hashes(context).save()

    def confirm_data(self, context: Context, job: Job) -> None:
        """Raise ResourceError unless the data on this machine still has the digests that the preview showed."""
        for name, item in job.data_inputs.items():
            digest = job.spec.inputs[name].get("digest", "")
            if digest.startswith(CONTENT) and "://" not in item["uri"]:
                self._data_digests.confirm(context, item["uri"], digest)
        self._data_digests.save(context)

    def alarm(self, context: Context, target: Target, owner: Owner, inputs: Properties) -> Alarm:
        """Names slow phases of runs of this owner, which are compared with what its stack has recorded before."""
        stack = (*owner.urn.split("::")[:2], owner.project, inputs.get("target"), inputs.get("workspace"))
        run = str(inputs.get("run"))
        return Alarm(context.note, lambda: self._earlier.of(stack, lambda: _usual_phases(target, owner, run)))

    def tree_hashes(self, context: Context) -> snapshot.TreeHashes:
        """Azure ML's hashes of code folders, as far as they are known."""
        path = context.project / CODE_HASHES
        return self._trees.setdefault(path, snapshot.TreeHashes(path))


def _wait(context: Context, target: Target, job: Job, record: Record, alarm: Alarm) -> Record:
    """The record at the end of the run; after Ctrl-C the current one, or that of the run canceled by `on_interrupt`."""
    try:
        return lifecycle.see_through(target, job, record, listener(context, alarm), context.canceled)
    except lifecycle.Interrupted as interrupted:
        record = interrupted.record
        if job.spec.on_interrupt is OnInterrupt.CANCEL:
            return target.cancel(record.name, "`pulumi up` was interrupted") or record
        return record


def _usual_phases(target: Target, owner: Owner, run: str) -> Usual:
    """As `usual_phases`; a watched run must not fail because others cannot be read."""
    try:
        return usual_phases(target, owner, run)
    except REFUSALS:
        return Usual()


def _outcome(target: Target, job: Job, owner: Owner, inputs: Properties, record: Record) -> State:
    now = _outputs(target, owner, inputs, record)
    refresh = not record.status.is_terminal
    if record.status.is_failure and job.spec.on_failure is OnFailure.FAIL:
        raise InitFailed(job.id, now, [report(record, now["log_tail"])], refresh=refresh)
    if refresh and job.spec.wait:
        reason = f"{record.name} is {record.status} and goes on; the next `pulumi up` attaches to it"
        raise InitFailed(job.id, now, [reason], refresh=True)
    return State(job.id, now, inputs, refresh)


def _outputs(target: Target, owner: Owner, inputs: Properties, record: Record) -> Properties:
    return {
        **{name: inputs[name] for name in ("digest", "workspace", "target")},
        **record_outputs(record, target),
        "owner": owner.token,
    }


def _owner(context: Context, inputs: Properties, state: State, target: Target) -> Owner:
    """The resource as the owner of its run. If `up` was killed, the state has no token: it is read from the record."""
    owner = run_owner(context, inputs, state.outputs.get("owner"))
    if "owner" in state.outputs:
        return owner
    try:
        attempts = target.attempts(state.id)
    except UnreadableRecord:  # `release` reports it
        return owner
    owners = (one for record in reversed(attempts) for one in record.owners)
    return next((one for one in owners if one.is_same_resource(owner)), owner)


def _digest(spec: RunSpec | None, snapshot_digest: str | Unknown | None) -> str | Unknown:
    """The digest of a run with the files of its source; `spec` is what was parsed before they were read."""
    if spec is None or isinstance(snapshot_digest, Unknown):
        return UNKNOWN
    return replace(spec, snapshot=snapshot_digest).digest()
