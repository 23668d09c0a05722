"""A small stack on Azure from nothing to nothing: what most stacks do, at the least cost."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from trainup.core import targets
from trainup.core.errors import UserError
from trainup.core.project import NAMESPACE
from trainup.jobs.azure.http.recording import KEY_VARIABLE, VARIABLE
from trainup.verification.evidence import Evidence, Step, read_exchanges, read_operations

STACK = "verification"
SIZE, OTHER_SIZE = "cpu-small", "cpu-large"
RECORD, PASSPHRASE, LOG = "exchanges.jsonl", "passphrase", "journey.log"
CARRIED = ("workspace", "registry", "access", "tags", "network")
"""Sections of the stack file that the journey's stack has too: where to build, and who may."""
OWN = frozenset({"target", "protect", "cluster", "image", "runs", "models", "gates"})
"""Sections that are the journey's own."""
RUN = "verification"
SCRIPT = """\
import json, os, pathlib
print("epoch 1 accuracy 0.5", flush=True)
pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"accuracy": 0.5}))
"""
DOCKERFILE = "FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest\n"
PROGRAM = "from trainup.infra import program\n\nprogram.run()\n"
PLAIN = ("--non-interactive", "--color", "never", "--suppress-progress")


class JourneyError(UserError):
    """The journey cannot begin; the message says why."""


def stack_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the journey's stack, from that of the stack it is named after.

    Raises JourneyError where that is no stack on Azure, or logs in by a secret of its own.
    """
    target = config.get(f"{NAMESPACE}:target")
    if not targets.is_elsewhere(target):
        raise JourneyError(f"the stack runs on this machine: name one with {NAMESPACE}:target: azure by --stack")
    provider = {key: value for key, value in config.items() if key.startswith("azure-native:")}
    hidden = sorted(key for key, value in provider.items() if isinstance(value, dict) and "secure" in value)
    if hidden:
        raise JourneyError(
            f"{', '.join(hidden)} is encrypted for that stack: log in by `az login` or by ARM_… variables instead"
        )
    carried = {
        f"{NAMESPACE}:{name}": config[f"{NAMESPACE}:{name}"] for name in CARRIED if f"{NAMESPACE}:{name}" in config
    }
    return {
        **provider,
        **carried,
        f"{NAMESPACE}:target": target,
        f"{NAMESPACE}:protect": False,
        f"{NAMESPACE}:cluster": {"size": SIZE, "max_nodes": 1, "min_nodes": 0},
        f"{NAMESPACE}:image": {"context": "image"},
        f"{NAMESPACE}:runs": {RUN: {"source": "code", "script": "main.py", "timeout": "30m"}},
        f"{NAMESPACE}:models": {RUN: {"run": RUN, "path": "metrics.json"}},
        f"{NAMESPACE}:gates": {RUN: {"model": RUN, "rules": ["accuracy >= 0.5"]}},
    }


class Journey:
    """The journey's project in a folder of its own, private to the user."""

    def __init__(self, folder: Path, config: Mapping[str, Any], variables: Mapping[str, str] = os.environ) -> None:
        self.folder, self.evidence = folder, Evidence()
        self._config = dict(config)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (folder / ".trainup").exists():
            raise JourneyError(
                f"{folder} has the stack of an earlier journey, which may still stand: take it down by "
                f"`cd {folder} && {self._by_hand()}`, then delete the folder"
            )
        for name in (RECORD, LOG):
            (folder / name).unlink(missing_ok=True)
        (folder / PASSPHRASE).write_text(secrets.token_urlsafe(24))
        (folder / PASSPHRASE).chmod(0o600)
        self.variables = {
            **variables,
            "PULUMI_BACKEND_URL": (folder / ".trainup" / "backend").resolve().as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str((folder / PASSPHRASE).resolve()),
            "PULUMI_STACK": STACK,
            "PULUMI_DEBUG_COMMANDS": "1",  # shows --event-log
            VARIABLE: str((folder / RECORD).resolve()),
            KEY_VARIABLE: secrets.token_hex(),
        }
        for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN"):
            self.variables.pop(name, None)
        (folder / ".trainup" / "backend").mkdir(parents=True)
        self._write()

    def perform(self, say: Callable[[str], None]) -> Evidence:
        """Go through all steps; whatever fails, what was built is taken down again. Returns what was seen."""
        if self._trainup("stack", STACK):
            raise JourneyError(f"the journey's stack cannot be made: {self.folder / LOG} says why")
        try:
            if self._step("up", ["up"], say) == 0:
                self._step("second up", ["up", "--expect-no-changes"], say)
                self._config[f"{NAMESPACE}:cluster"]["size"] = OTHER_SIZE
                self._write()
                self._step("another size", ["up"], say)
        finally:
            code = self._step("destroy", ["destroy"], say)
        self.evidence.exchanges = read_exchanges(self.folder / RECORD)
        if code:
            say(f"not all was taken down: `cd {self.folder} && {self._by_hand()}` tries again")
        else:
            shutil.rmtree(self.folder / ".trainup")
        return self.evidence

    def names(self) -> list[str]:
        """The names and ids in what the stack's settings have from that of the user, for masking.

        What the journey adds is nobody's, and has words of Azure, such as `image`.
        """
        theirs = {key: value for key, value in self._config.items() if key.removeprefix(f"{NAMESPACE}:") not in OWN}
        return sorted(set(_texts(theirs)), key=len, reverse=True)

    def _step(self, name: str, words: list[str], say: Callable[[str], None]) -> int:
        say(f"=== {name}: trainup {' '.join(words)}")
        log = self.folder / f"events-{name.replace(' ', '-')}.json"
        log.unlink(missing_ok=True)
        started = time.monotonic()
        more = ["--stack", STACK, "--yes", *PLAIN, "--event-log", str(log.resolve())]
        code = self._trainup(*words, *more)
        self.evidence.steps.append(Step(name, code, round(time.monotonic() - started, 1)))
        if code:
            say(f"exit code {code}: {self.folder / LOG} says why")
        self.evidence.operations += read_operations(log, name, self.names())
        log.unlink(missing_ok=True)
        return code

    def _trainup(self, *words: str) -> int:
        """The exit code of a `trainup` command; what it prints is added to the log."""
        command = [sys.executable, "-m", "trainup.cli", *words]
        with (self.folder / LOG).open("ab") as log:
            return subprocess.run(
                command, cwd=self.folder, env=self.variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            ).returncode

    def _write(self) -> None:
        files = {
            "Pulumi.yaml": json.dumps({"name": "trainup-verification", "runtime": "python", "main": "infra/"}),
            "infra/__main__.py": PROGRAM,
            "code/main.py": SCRIPT,
            "image/Dockerfile": DOCKERFILE,
        }
        for name, text in files.items():
            file = self.folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        file = self.folder / f"Pulumi.{STACK}.yaml"
        content = yaml.safe_load(file.read_text()) if file.exists() else {}
        file.write_text(yaml.safe_dump({**content, "config": self._config}, sort_keys=False))

    def _by_hand(self) -> str:
        backend = (self.folder / ".trainup" / "backend").resolve().as_uri()
        passphrase = (self.folder / PASSPHRASE).resolve()
        return (
            f"PULUMI_BACKEND_URL={backend} PULUMI_CONFIG_PASSPHRASE_FILE={passphrase} trainup destroy --stack {STACK}"
        )


def _texts(value: Any) -> list[str]:
    """All texts in a configuration, and the parts of those that are ids."""
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if not isinstance(value, str):
        return []
    return [value, *(part for part in value.split("/") if part)] if "/" in value else [value]
