"""Builds a virtual environment with uv for each image, from the pip packages and files in its Dockerfile."""

import fcntl
import hashlib
import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainup.core import tools
from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.dockerfile import DockerfileError
from trainup.simulator.cloud.images import Image
from trainup.simulator.machines import recipe as recipes
from trainup.simulator.machines.files import download

_REFERENCE = re.compile(
    r"(?:(?P<server>[^/]+[.:][^/]+|localhost)/)?(?P<repository>[^@]+?)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:\w+))?"
)


class BuildFailed(Exception):
    """The environment cannot be built; the message is the end of the build log."""


@dataclass(frozen=True)
class Specification:
    """The Python version, packages and files of an environment."""

    python: str
    installs: tuple[tuple[str, ...], ...]
    root: Path
    """Folder with the files of the image."""

    @property
    def digest(self) -> str:
        """SHA-256 over the specification, with the contents of files but not their paths on this machine."""
        total = hashlib.sha256(self.python.encode())
        for word in itertools.chain(*self.installs):
            path = self._file(word)
            total.update(f"\0{'' if path else word}\0".encode())
            if path is None:
                continue
            for part in (path, *sorted(path.rglob("*"))):
                total.update(f"\0{part.relative_to(path)}\0".encode())
                total.update(part.read_bytes() if part.is_file() else b"")
        return total.hexdigest()

    def words(self, install: tuple[str, ...]) -> list[str]:
        """The arguments of one `pip install`, with the paths of files on this machine."""
        return [self._placed(word) for word in install]

    def _placed(self, word: str) -> str:
        path = self._file(word)
        flag = word.partition("=")[0] + "=" if word.startswith("--") and "=" in word else ""
        return f"{flag}{path}" if path else word

    def _file(self, word: str) -> Path | None:
        name = word.partition("=")[2] if word.startswith("--") and "=" in word else word
        return self.root / name.lstrip("/") if name.startswith("/") else None


class Environments:
    """Builds environments in a folder, and reuses those that exist there. Safe to use from several processes."""

    def __init__(self, azure: Azure, folder: Path, variables: Mapping[str, str]) -> None:
        self._azure = azure
        self._folder = folder
        self._variables = tools.variables(variables)

    def python_of(self, environment: Mapping[str, Any], log: Path) -> Path:
        """The `bin` folder for an environment version. Raises BuildFailed, Unreachable.

        For an image without a known Dockerfile it is that of the simulator's own interpreter.
        """
        with tempfile.TemporaryDirectory(prefix="trainup-image-") as temporary:
            specification = self._specification(environment, Path(temporary))
            return Path(sys.executable).parent if specification is None else self._built(specification, log)

    def _specification(self, environment: Mapping[str, Any], temporary: Path) -> Specification | None:
        own = environment["properties"]
        root, context = temporary / "root", temporary / "context"
        recipe = recipes.Recipe()
        try:
            if image := self.image_of(str(own.get("image") or "")):
                recipe, context = recipes.read(image.dockerfile, image.arguments), image.context
            elif uri := shape.get(own, "build.contextUri"):
                download(self._azure, str(uri), context)
                path = context / str(shape.get(own, "build.dockerfilePath") or "Dockerfile")
                recipe = recipes.read(path.read_text(encoding="utf-8"))
            if own.get("condaFile"):
                recipes.add_conda(recipe, str(own["condaFile"]))
            recipes.stage(recipe, context, root)
        except (OSError, DockerfileError) as error:
            raise BuildFailed(str(error)) from error
        if not recipe.installs:
            return None
        python = recipe.python or f"{sys.version_info.major}.{sys.version_info.minor}"
        return Specification(python, tuple(tuple(words) for words in recipe.installs), root)

    def image_of(self, reference: str) -> Image | None:
        """The image in a simulated registry, by digest or by tag; None for any other image."""
        match = _REFERENCE.fullmatch(reference)
        registries = self._azure.each("Microsoft.ContainerRegistry/registries")
        servers = {shape.get(registry, "properties.loginServer") for registry in registries}
        if match is None or match["server"] not in servers:
            return None
        return self._azure.images.find(match["repository"], match["digest"] or match["tag"] or "latest")

    def _built(self, specification: Specification, log: Path) -> Path:
        final = self._folder / specification.digest[:32]
        self._folder.mkdir(parents=True, exist_ok=True)
        with _locked(final.with_suffix(".lock")):
            if not (final / "environment.json").is_file():
                shutil.rmtree(final, ignore_errors=True)
                base = f"{sys.version_info.major}.{sys.version_info.minor}"
                python = (
                    getattr(sys, "_base_executable", sys.executable)
                    if specification.python == base
                    else specification.python
                )
                self._run(["venv", "--quiet", "--python", python, str(final)], log)
                for install in specification.installs:
                    words = ["pip", "install", "--python", str(final / "bin" / "python"), *specification.words(install)]
                    self._run(words, log)
                record = {"python": specification.python, "installs": specification.installs}
                (final / "environment.json").write_text(json.dumps(record))
        return final / "bin"

    def _run(self, words: list[str], log: Path) -> None:
        uv = shutil.which("uv", path=self._variables.get("PATH"))
        if uv is None:
            raise BuildFailed("uv is not on PATH: run `make setup`, or install uv")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            output.write(f"$ uv {' '.join(words)}\n".encode())
            output.flush()
            done = subprocess.run(
                [uv, *words], env=self._variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        if done.returncode:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
            raise BuildFailed(tail)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
