"""Watches over one attempt from its start: runs the command, records how it ended, gives the slots back.

It is a process of its own, forked by the keeper of the queue when it is the run's turn (`keeper.py`), with its own
session and the run's lock held: so it outlives the CLI, the plugin and the keeper.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from trainup.core import bounded
from trainup.core.failure import Failure, FailureClass, of_exit
from trainup.core.metrics import metrics_of
from trainup.core.parameters import parameters_of
from trainup.core.retry import retry, until_deadline
from trainup.core.status import PHASES, Status
from trainup.jobs.local import cores, handover, launch, links, log, processes, run_record
from trainup.jobs.local.files import UnreadableRecord
from trainup.jobs.local.log import LogPump
from trainup.jobs.local.run_record import RunState
from trainup.jobs.local.slots import DEFAULT_CLUSTER, NoSuchSlots, Pool, SlotGrant
from trainup.jobs.local.workspace import RunFolder, Workspace

POLL = 0.1
"""Seconds between looks at the log and at requests; the end of the command wakes us at once."""
GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""
DISK_PATIENCE, DISK_PAUSE = 30.0, 0.5
"""Seconds for which the last words are tried again on a full disk."""


class Ended(Exception):
    """The attempt is over."""

    def __init__(self, status: Status, failure: Failure | None = None) -> None:
        super().__init__(status)
        self.status, self.failure = status, failure


class Supervisor:
    """One attempt, from the queue to its last status."""

    def __init__(
        self, workspace: Workspace, folder: RunFolder, secrets: dict[str, str], ticket: Path | None = None
    ) -> None:
        self.workspace, self.folder, self.secrets = workspace, folder, secrets
        definition = run_record.read_definition(folder)
        if definition is None:
            raise FileNotFoundError(folder.definition)
        self.definition = definition
        self.spec = definition.spec
        self.state = RunState()
        self._policy_mtime = 0
        self.pool = Pool(workspace, definition.cluster or DEFAULT_CLUSTER)
        self.ticket = ticket
        self._since = self.pool.waited_since(ticket) if ticket else time.monotonic()
        self.anchor: str | None = None
        """The path of the run's folder for its command, as `links.anchor` returns it."""
        self.processors: tuple[int, ...] = ()
        """The processors that the command is kept to; all of them when there are none."""
        self.spared: list[Any] | None = None
        """Our children that are none of the command's; None before it starts."""

    def main(self, turn: SlotGrant | NoSuchSlots | None) -> None:
        """Run the attempt with its slots, or end it; afterwards the slots are free and the status is final.

        `turn` is None if the run is no longer wanted, and an error if it can never get slots.
        """
        try:
            try:
                self.check_cancel()
                if not isinstance(turn, SlotGrant):
                    raise turn or AssertionError("who ends a waiting run says why")
                grant = turn
                self.enter(Status.PREPARING)
                environment = self.prepare(grant)
                self.execute(environment)
            except Ended as ended:
                end = ended
            except (launch.LaunchError, links.NoPlainFolder, NoSuchSlots) as error:
                kind = FailureClass.CAPACITY if isinstance(error, NoSuchSlots) else FailureClass.ENVIRONMENT
                end = Ended(Status.FAILED, Failure(kind, str(error)))
            except Exception as error:  # the attempt must not stay open; the cause is recorded and logged
                traceback.print_exc()
                self.kill_leftovers()
                end = Ended(
                    Status.FAILED, Failure(FailureClass.SERVICE, f"the run could not be carried out: {error!r}")
                )
            self.finish(end)
        finally:
            self.leave()

    def enter(self, status: Status, **facts: Any) -> None:
        """Go to the next status; it is on disk before anything else happens."""
        now = time.monotonic()
        phase = PHASES[self.state.status]
        seconds = round(self.state.phases.get(phase, 0.0) + now - self._since, 3)
        self._since = now
        self.state = replace(self.state, status=status, phases={**self.state.phases, phase: seconds}, **facts)
        persist(lambda: run_record.write_state(self.folder, self.state))

    def leave(self) -> None:
        """Give the slots back."""
        if self.ticket:
            self.pool.leave(self.ticket)
            self.ticket = None
            handover.poke(self.pool)

    def prepare(self, grant: SlotGrant) -> dict[str, str]:
        """Everything the command needs; returns its environment variables."""
        image = self.spec.get("image")
        if image and not launch.environment_folder(self.workspace, image).is_dir():
            raise launch.LaunchError(f"the environment of {image} is not in this workspace; `pulumi up` builds it")
        for path in (launch.checkpoints(self.folder, self.definition), *launch.named_outputs(self.folder, self.spec)):
            path.mkdir(parents=True, exist_ok=True)
        checkpoints = launch.checkpoints(self.folder, self.definition)
        self.anchor = links.anchor(self.folder, self.definition, checkpoints)
        environment = launch.variables(self.workspace, self.folder, self.definition, self.secrets, anchor=self.anchor)
        if grant.gpus is not None:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(grant.gpus)
        self.share_processors(grant, environment)
        tracking = self.workspace.tracking()
        if tracking["kind"] != "none":
            from trainup.jobs.local import tracked

            create = partial(tracked.create, definition=self.definition, is_own=tracking["kind"] == "server")
            run = tracked.ask(self.workspace, create, self.check_cancel)
            self.state = replace(
                self.state, mlflow_run_id=run.run_id, mlflow_experiment_id=run.experiment_id, web_url=run.page
            )
            environment |= run.variables
        return environment

    def share_processors(self, grant: SlotGrant, environment: dict[str, str]) -> None:
        """Keep the command to its slots' part of this machine, unless the run says how many threads it starts."""
        all_of_them = cores.usable()
        own = cores.share(all_of_them, grant.slots, (self.pool.settings() or {}).get("max_nodes", 1))
        ranks = launch.processes(self.spec)
        if len(own) == len(all_of_them) and ranks == 1:
            return  # the run has all processors
        if variables := cores.thread_variables(len(own), ranks, environment):
            environment |= variables
            self.processors = own

    def execute(self, environment: dict[str, str]) -> None:
        """Run the command to its end; raises Ended."""
        words = launch.argv(self.workspace, self.folder, self.definition, self.anchor)
        self.check_cancel()
        self.spared = processes.children()
        self.enter(Status.RUNNING, started=True)
        raw = os.open(self.folder.raw_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        pump = LogPump(self.folder.raw_log, self.folder.log, self.secrets.values(), times=self.folder.log_times)
        try:
            end = self.carry_out(words, environment, raw, pump)
            self.enter(Status.FINALIZING)
        finally:  # also if we fail ourselves: nothing of the command goes on, and its log is whole
            os.close(raw)
            self.kill_leftovers()
            persist(pump.finish)
            pump.close()
            log.discard_raw(self.folder)
        raise end

    def carry_out(self, words: list[str], environment: dict[str, str], raw: int, pump: LogPump) -> Ended:
        """Start the command and stay with it; how it ended."""
        try:
            process = processes.start(words, environment, self.folder.code, raw, self.processors)
        except OSError as error:
            message = f"{words[0]!r} could not be started: {error.strerror or error}"
            return Ended(Status.FAILED, Failure(FailureClass.ENVIRONMENT, message, 127))
        return self.watch(process, pump)

    def watch(self, process: "subprocess.Popen[bytes]", pump: LogPump) -> Ended:
        """Pump the log until the command ends by itself, by request or by its time limit."""
        begin, stop, kill_at = time.monotonic(), None, 0.0
        wake = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
        try:
            while (code := process.poll()) is None:
                with contextlib.suppress(OSError):  # a full disk: the raw log is still there, try again
                    pump.pump()
                processes.reap_orphans(process.pid)
                if stop is None and (stop := self.stop_request(time.monotonic() - begin)):
                    signal_group(process.pid, signal.SIGTERM)
                    signal_group(process.pid, signal.SIGCONT)  # a suspended process receives no other signal
                    kill_at = time.monotonic() + GRACE
                elif stop and time.monotonic() > kill_at:
                    signal_group(process.pid, signal.SIGKILL)
                if wake is not None:
                    select.select([wake], [], [], POLL)
                else:
                    time.sleep(POLL / 2)
        finally:
            if wake is not None:
                os.close(wake)
        if stop:
            return stop
        failure = of_exit(code)
        return Ended(Status.FAILED if failure else Status.COMPLETED, failure)

    def stop_request(self, seconds: float) -> Ended | None:
        """The end to bring about if the command has to stop: a cancel request or the time limit. Or None."""
        try:
            self.check_cancel()
        except Ended as ended:
            return ended
        limit = self.time_limit()
        if limit is not None and seconds > limit:
            message = f"the command ran for {seconds:.0f} s; its timeout is {limit:g} s"
            return Ended(Status.TIMED_OUT, Failure(FailureClass.TIMEOUT, message))
        return None

    def time_limit(self) -> float | None:
        """The timeout in seconds, as it stands now: policy may change while the run goes on."""
        with contextlib.suppress(OSError, UnreadableRecord):  # a damaged record must not end what goes on
            mtime = self.folder.definition.stat().st_mtime_ns
            if mtime != self._policy_mtime:
                self._policy_mtime = mtime
                self.definition = run_record.read_definition(self.folder) or self.definition
        return self.definition.policy.timeout

    def check_cancel(self) -> None:
        """Raise Ended when a cancel request is there, or the whole run was removed."""
        if self.folder.cancel.exists():
            failure = Failure(FailureClass.CANCELED, "the run was canceled")
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # made by hand, it may say nothing
                failure = Failure.from_dict(json.loads(self.folder.cancel.read_text(encoding="utf-8")))
            raise Ended(ended_by_request(failure), failure)
        if not self.folder.definition.exists():
            raise Ended(Status.CANCELED, Failure(FailureClass.CANCELED, "the run's folder was removed"))

    def kill_leftovers(self) -> None:
        """End what the command left running in the background."""
        processes.kill_all_of(self.definition.token)
        if self.spared is not None:
            processes.kill_children(self.spared)

    def finish(self, end: Ended) -> None:
        """Collect the metrics and write the last word."""
        links.release(self.definition.token)
        self.leave()  # nothing of the command is left, and the next run need not wait for what is collected here
        facts: dict[str, Any] = {}
        if self.state.started:
            try:
                facts = self.collect(end.status)
            except Exception as error:  # the training is done and must not be lost for its metrics
                facts = {"tracking_error": repr(error)}
        elif not self.folder.log.exists():
            self.folder.log.touch()
        if end.failure:
            facts["failure"] = end.failure
        self.enter(end.status, **facts)

    def collect(self, status: Status) -> dict[str, Any]:
        """Metrics from MLflow, else from `metrics.json` among the outputs."""
        facts: dict[str, Any] = {"metrics": {}, "best": {}}
        if self.state.mlflow_run_id:
            from trainup.jobs.local import tracked

            words = () if self.spec.get("shell") else self.spec["command"]
            parameters = parameters_of(words, self.definition.literals)
            collected = tracked.collect(self.workspace, self.state.mlflow_run_id, status, parameters)
            facts = {"metrics": collected.metrics, "best": collected.best, "tracking_error": collected.error}
            if self.workspace.tracking()["kind"] == "server":
                ids = self.state.mlflow_experiment_id, self.state.mlflow_run_id
                try:
                    tracked.show_outputs(self.folder.outputs, self.workspace.shown_outputs(*ids))
                except OSError as error:
                    print(f"MLflow's pages do not show all outputs: {error}", file=sys.stderr)
        if not facts["metrics"]:
            metrics = metrics_file(self.folder.outputs / "metrics.json")
            facts |= {"metrics": metrics, "best": metrics}
        return facts


def ended_by_request(failure: Failure) -> Status:
    """The status of a run that was stopped on request: canceled, or timed out if it waited for too long."""
    return Status.CANCELED if failure.failure_class is FailureClass.CANCELED else Status.TIMED_OUT


def metrics_file(path: Path) -> dict[str, float]:
    """The numbers in a `metrics.json` that a script wrote; empty if the file cannot be read."""
    # A script may write anything here: a pipe would make us wait, and a huge file take all memory.
    with contextlib.suppress(OSError):
        return metrics_of(bounded.read_bytes(path))
    return {}


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal the command and what it started in its own group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def persist(action: Callable[[], None]) -> None:
    """Do the action; on a full or failing disk, retry for `DISK_PATIENCE` seconds before the OSError is raised."""

    def may_pass(error: Exception) -> bool:
        return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)  # the run's folder was removed

    retry(action, may_pass, until_deadline(DISK_PATIENCE, DISK_PAUSE))
