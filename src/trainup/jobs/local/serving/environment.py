"""The environment that serves a model: that of its image, and `azureml-inference-server-http`."""

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from trainup.core import tools
from trainup.core.canonical import sha256
from trainup.core.disk import replace_record
from trainup.jobs.local import environments
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.recipe import Recipe, this_python
from trainup.jobs.local.workspace import Workspace

PACKAGE = "azureml-inference-server-http"
SERVER = f"{PACKAGE}==1.5.1"
"""What is added where the image has no such package of its own."""


def has_server(folder: Path) -> bool:
    """Whether an environment can serve by itself."""
    return any(folder.glob("lib/python*/site-packages/azureml_inference_server_http/__main__.py"))


def build(
    workspace: Workspace,
    image: str,
    progress: Callable[[str], None] = lambda line: None,
    stop: threading.Event | None = None,
) -> str:
    """The reference of the environment that serves for an image. Raises BuildError.

    It is the image's own where that has the server. Otherwise it is another one with every package of the image in the
    very same version, and the server: a model is read by what it was trained with.
    """
    folder = environment_folder(workspace, image)
    if has_server(folder):
        return image
    lines = [*_frozen(workspace, folder), SERVER]
    python = _python_of(folder)
    file = workspace.environments / f"serving-{sha256([lines, python])[:24]}.txt"
    replace_record(file, "\n".join(lines) + "\n", is_durable=False)
    recipe = Recipe(file, tuple(lines), python)
    try:
        environments.build(workspace, recipe, progress, stop)
    except environments.BuildError as error:
        raise environments.BuildError(
            f"{SERVER} does not fit beside the packages of the image, whose versions are kept as they are: {error}\n"
            f"Name a version of {PACKAGE} that fits in the image's own requirements"
        ) from error
    finally:
        file.unlink(missing_ok=True)
    return recipe.reference


def _frozen(workspace: Workspace, folder: Path) -> list[str]:
    words = [environments.find_uv(workspace.project), "pip", "freeze", "--python", str(folder / "bin" / "python")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=tools.variables(os.environ))
    if done.returncode:
        raise environments.BuildError(f"the packages of {folder} cannot be listed: {done.stderr.strip()}")
    return done.stdout.splitlines()


def _python_of(folder: Path) -> str:
    """Major and minor version of an environment's Python, from `pyvenv.cfg`."""
    for line in (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() in ("version_info", "version"):
            return ".".join(value.strip().split(".")[:2])
    return this_python()
