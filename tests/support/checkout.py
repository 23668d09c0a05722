"""A checkout of this repository, where its commands are typed as a stranger types them."""

import subprocess
from pathlib import Path

from tests.support.project import REPOSITORY
from tests.support.workflows import bare, checked_out


class Checkout:
    """A checkout, and a user whose home it is not."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = checked_out(REPOSITORY, folder / "check out")
        self.data = folder / "data"
        self.environment = {
            **{name: value for name, value in bare(environment).items() if not name.startswith("PULUMI_")},
            "XDG_DATA_HOME": str(self.data),
            "PULUMI_HOME": str(folder / "home"),
        }
        self.file = self.folder / "Pulumi.local.yaml"

    def run(self, *words: str, code: int = 0, **variables: str) -> str:
        """A command's output of both kinds."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    def make(self, *words: str, code: int = 0) -> str:
        return self.run("make", *words, code=code)

    def shell(self, command: str, code: int = 0, **variables: str) -> str:
        """In a shell of `make env`."""
        return self.run("sh", "-c", f'eval "$(make -s env)" && {command}', code=code, **variables)

    @property
    def cli(self) -> str:
        """The real one, for whoever does without ours."""
        told = self.run("python3", "src/trainup/toolchain", "run", "sh", "-c", "command -v pulumi")
        return told.splitlines()[-1]
