"""Checks the inputs of a sweep: those of its trials, of which one is tried as a sample, and its declaration."""

from typing import Any

from trainup.core.input_secrets import in_values
from trainup.core.inputs import Finding, with_definition
from trainup.core.job_files import reading
from trainup.core.sweeps import commands
from trainup.core.sweeps.declaration import Sweep
from trainup.core.sweeps.parsing import parse_sweep
from trainup.jobs.sweeps.trials import filled, sample_of
from trainup.provider.handler import Context, Properties
from trainup.provider.run import RunHandler

UNFILLED = "${{search_space."
BESIDE_FILE = "`job` names a sweep job, which says `sweep` too: keep one of the two"


def check(runs: RunHandler, context: Context, inputs: Properties, given: Any) -> tuple[Properties, list[Finding]]:
    """The completed inputs, and all findings; `given` is the value of `sweep`, None where a job file has it."""
    if given is None and isinstance(job := inputs.get("job"), str):
        given = reading.read(context.project, job)[0].get("sweep")
    sweep, problems = parse_sweep(given)
    completed, more = runs.check_filled(context, inputs, lambda inputs: _sample(inputs, sweep))
    completed.pop("digest", None)  # that of one trial
    of_file = _taken_from(completed)
    findings = [Finding(_property(item.place), item.reason) for item in problems]
    if of_file is not None:  # what is wrong in it is among the findings about the file
        findings = [] if given == of_file else [Finding("sweep", BESIDE_FILE)]
    findings = _without_secrets(inputs, given, findings)
    # A name that the space lacks has a finding of its own, or the space itself has.
    findings += [item for item in more if not item.reason.startswith(UNFILLED)]
    findings += _limits(inputs, sweep)
    if sweep is None:
        return {**completed, "sweep": given}, findings
    findings += _command(completed, sweep)
    return {**completed, "sweep": sweep.to_wire()}, findings


def _taken_from(completed: Properties) -> Any:
    """Takes the declaration of a sweep job out of its definition, and leaves what each trial runs; None if it has none.

    A point that is added there must not look like a change of every trial.
    """
    definition = completed.get("definition")
    if not isinstance(definition, dict) or "sweep" not in definition:
        return None
    completed["definition"] = {name: value for name, value in definition.items() if name != "sweep"}
    return definition["sweep"]


def _sample(inputs: Properties, sweep: Sweep | None) -> Properties:
    return filled(inputs, sample_of(sweep)) if sweep else inputs


def _property(place: tuple[Any, ...]) -> str:
    return ".".join(["sweep", *map(str, place)])


def _without_secrets(inputs: Properties, given: Any, findings: list[Finding]) -> list[Finding]:
    """The findings; where a value looks like a secret, one about that in place of all, which could show it."""
    allowed = inputs.get("allow_secrets")
    places = [place for place in allowed if isinstance(place, str)] if isinstance(allowed, list) else []
    suspects = list(in_values({"sweep": given}, places))
    if not suspects:
        return findings
    return [
        Finding(
            "sweep",
            f"{suspect.shown} looks like a secret ({suspect.kind}), and the values of a sweep are kept and shown as "
            f'plain text: take it out, or, if it is none, add "{suspect.shown}" to `allow_secrets`',
        )
        for suspect in suspects
    ]


def _limits(inputs: Properties, sweep: Sweep | None) -> list[Finding]:
    findings = []
    if inputs.get("wait") is False:
        why = "`up` begins one trial after another, so it has to wait for them: leave `wait` out"
        findings.append(Finding("wait", f"false was given, and this is a sweep. {why}"))
    if inputs.get("schedule") is not None:
        why = "a sweep's points train once each, however often it is due: put the schedule on a run of the best point"
        findings.append(Finding("schedule", f"this is a sweep, which takes no `schedule`: {why}"))
    if sweep and sweep.limits.trial_timeout is not None and inputs.get("timeout") is not None:
        why = "both limit the time of a trial: keep one of the two"
        findings.append(Finding("timeout", f"`timeout` and `sweep.limits.trial_timeout` are given, and {why}"))
    return findings


def _command(completed: Properties, sweep: Sweep) -> list[Finding]:
    """What is wrong between the command and the search space, under the key that holds the command."""
    run = with_definition(completed)
    if "shell_command" in run:
        key, texts, is_shell = "job", [run["shell_command"]], True
    else:
        key = "command" if run.get("command") is not None else "arguments"
        texts, is_shell = [word for word in run.get(key) or () if isinstance(word, str)], False
    problems = commands.command_findings(sweep, texts, shell=is_shell)
    return [Finding(key if item.place[:1] == ("command",) else _property(item.place), item.reason) for item in problems]
