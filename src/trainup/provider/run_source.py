"""Checks of a run's source folder: its files, and whether the run's command can be started there."""

import os
import re
import shlex
import threading
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from trainup.core import disk, targets
from trainup.core.images import parse_reference
from trainup.core.inputs import Finding, RunInputs, with_definition
from trainup.jobs import snapshot
from trainup.jobs.local import room
from trainup.jobs.local.workspace import Workspace
from trainup.provider.handler import Context, Properties

OTHER_LANGUAGE = re.compile(rb"#!.*?\b(bash|sh|zsh|fish|perl|ruby|node|Rscript|julia|pwsh|lua)\b(?!.*python)")
"""The first line of a script that something else than Python runs."""


FRESH = 1.0
"""Seconds after the beginning of a snapshot for which it holds for other runs with the same source."""


class SharedSnapshots:
    """Snapshots of source folders, taken once for runs that are checked one right after the other.

    A run that is checked again gets a new one. What a run is started with is compared with its snapshot in any case.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[object, tuple[float, set[str], snapshot.Snapshot]] = {}
        """What was asked for → when its snapshot began, the runs that have it, and the snapshot."""

    def take(self, run: str, what: object, take: Callable[[], snapshot.Snapshot]) -> snapshot.Snapshot:
        """The snapshot for a run: the last one of the same `what`, if it is fresh and the run does not have it yet."""
        with self._lock:
            if what in self._last:
                begun, runs, content = self._last[what]
                if run not in runs and time.monotonic() - begun < FRESH:
                    runs.add(run)
                    return content
        begun, content = time.monotonic(), take()
        with self._lock:
            self._last[what] = begun, {run}, content
        return content


def examine(
    context: Context,
    inputs: Properties,
    parsed: RunInputs,
    cache: snapshot.StatCache,
    trees: snapshot.TreeHashes | None,
    shared: SharedSnapshots,
) -> tuple[Properties, list[Finding]]:
    """The inputs `snapshot_digest` and `manifest` of the source folder, and the findings about it."""
    assert parsed.source is not None
    project = context.project
    path, allowed = project / parsed.source, tuple(parsed.allow_secrets)

    def take() -> snapshot.Snapshot:
        return snapshot.take(path, cache=cache, allow_secrets=allowed, trees=trees)

    try:
        content = shared.take(f"{context.urn} {inputs.get('run')}", (path, allowed, trees is None), take)
    except snapshot.SnapshotError as error:
        return {}, [Finding("source", problem) for problem in error.problems]
    findings = []
    folder = project / parsed.source
    if parsed.script and (problem := _script_problem(folder, parsed.script, parsed.source, content.files)):
        findings.append(Finding("script", problem))
    name, word = _program(with_definition(inputs))
    if word and (problem := _program_problem(folder, word, parsed.source, content.files)):
        findings.append(Finding(name, problem))
    return {"snapshot_digest": content.digest, "manifest": content.manifest}, findings


def moving_tag(inputs: Properties) -> str | None:
    """A warning if the job file names its image by a tag, which may point to another image later; or None."""
    is_of_file = bool(inputs.get("job")) and targets.is_elsewhere(inputs.get("target"))
    image = with_definition(inputs).get("image") if is_of_file else None
    if not isinstance(image, str) or image.startswith("azureml:"):
        return None
    try:
        is_fixed = parse_reference(image).digest is not None
    except ValueError:
        return None  # there is a finding about it
    if is_fixed:
        return None
    return (
        f"{inputs['job']} names the image {image} by a tag: when another image is pushed under it, runs get that one "
        "and nothing trains again by itself; name it by its digest (`…@sha256:…`) to train with what you mean"
    )


def disk_shortage(project: Path, inputs: Properties) -> str | None:
    """A warning if the disk has less room than earlier attempts of a local run used for outputs and logs, or None."""
    path = inputs.get("workspace")
    if not targets.is_on_this_machine(inputs.get("target")) or not isinstance(path, str):
        return None
    if disk.free_bytes(project / path) > room.PLENTY:
        return None
    workspace = Workspace.at(project, path)
    needed = room.of_run(workspace, str(inputs["run"]))
    return room.shortage(workspace, needed, f"run {inputs['run']}") if needed else None


def missing_source(inputs: Properties) -> list[Finding]:
    """A finding if the command names a file of the source folder and there is no source folder."""
    name, word = _program(with_definition(inputs))
    return (
        [Finding(name, f"{word} would be a file of the source folder, and there is none: give `source`")]
        if word
        else []
    )


def _script_problem(folder: Path, script: str, source: str, files: Any) -> str | None:
    where = f"{source}/{script}"
    if script in files:
        with open(folder / script, "rb") as opened:
            if other := OTHER_LANGUAGE.match(opened.readline(200)):
                program = other[1].decode()
                return f"{where} is no Python script, but one for {program}: give `command: [{program}, {script}]`"
        return None
    if os.path.isdir(folder / script):
        return f"{where} is a folder; `script` names a Python file of the source folder"
    excluded = os.path.isfile(folder / script)
    why = "is kept out by an ignore file" if excluded else "does not exist"
    if excluded and script.startswith("outputs/"):
        why = "is left out: outputs/ is where a run writes, and it gets it empty"
    return f"{where} {why}; `script` names a file of the source folder"


def _program(inputs: Properties) -> tuple[str, str]:
    """(name of the input with the command, its program if that is a file of the source, such as `./run.sh`, or "")."""
    name, word = "command", ""
    if isinstance(command := inputs.get("command"), list) and command and isinstance(command[0], str):
        word = command[0]
    elif isinstance(text := inputs.get("shell_command"), str):
        name = "job" if inputs.get("job") else "shell_command"
        try:
            word = next(iter(shlex.split(text)), "")
        except ValueError:  # an open quote, or one that only bash understands
            word = ""
    is_relative = "/" in word and not word.startswith(("/", "~")) and not set(word) & set("$*?{`=;&|<>()")
    return name, word if is_relative else ""


def _program_problem(folder: Path, word: str, source: str, files: Any) -> str | None:
    path = os.path.normpath(word)
    if ".." in PurePosixPath(path).parts:
        return None
    shown = f"{source}/{path}"
    if path not in files:
        if os.path.isdir(folder / path):
            return f"{word} is a folder, and no program"
        why = "is kept out by an ignore file" if os.path.isfile(folder / path) else "does not exist"
        return f"{shown} {why}; a program given by its path is a file of the source folder"
    if os.stat(folder / path).st_mode & 0o111:
        return None
    return f"{shown} may not be executed: `chmod +x {shown}`, or let a shell read it (`bash {word}`)"
