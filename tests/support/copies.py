"""A copy of a folder with a Pulumi project, in which `trainup` is typed."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainup.jobs.local.workspace import Workspace


class Copy:
    """The folder, and the environment of whoever types."""

    def __init__(
        self, original: Path, folder: Path, environment: Mapping[str, str], *, path: Path | None = None
    ) -> None:
        self.name, self.folder = original.name, folder
        shutil.copytree(original, folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".trainup"))
        own = {name: value for name, value in environment.items() if name != "PULUMI_BACKEND_URL"}
        self.environment = {
            "PULUMI_STACK": "local",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            **own,
            "PATH": os.pathsep.join([*([str(path)] if path else []), environment["PATH"]]),
            "PULUMI_HOME": str(folder.parent / "home"),
        }

    @property
    def workspace(self) -> Workspace:
        """That of its local stack."""
        return Workspace(self.folder / ".trainup" / "local", self.folder)

    def trainup(self, *words: str, fails: bool = False, plain: bool = False) -> str:
        """What a command printed; it has to succeed, or to fail. `plain`: one that is none of Pulumi's."""
        options = () if plain else ("--non-interactive", "--color", "never")
        done = self._run("trainup", *words, *options)
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def pulumi(self, *words: str) -> None:
        """A command of the Pulumi CLI, as in a shell of `trainup env`."""
        command = 'eval "$(trainup env)" && exec pulumi "$@"'
        done = self._run("sh", "-c", command, "sh", *words)
        assert done.returncode == 0, done.stdout

    def output(self) -> dict[str, Any]:
        """What `trainup output` prints."""
        done = subprocess.run(
            ["trainup", "output"], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def statuses(self) -> dict[str, str]:
        """Run → its status."""
        return {name: run["status"] for name, run in self.output()["runs"].items()}

    def findings(self) -> list[str]:
        """What `trainup doctor` finds wrong, but for what depends on the machine and network that the test runs on."""
        done = subprocess.run(
            ["trainup", "doctor", "--json"], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode in (0, 1, 2), done.stderr
        assert done.stdout, done.stderr
        findings = [item for item in json.loads(done.stdout) if item["level"] != "ok"]
        return [str(item) for item in findings if item["check"] not in ("packages", "disk", "memory", "limits")]

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
