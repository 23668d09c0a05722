"""The command that runs a job's code by hand, in its image, on any machine with Docker."""

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath

from trainup.core.choices import InputMode
from trainup.core.commands import EXPRESSION
from trainup.core.images import is_managed
from trainup.core.sizes import find_size
from trainup.jobs.azure.platform.environments import REFERENCE
from trainup.jobs.target import Job


def reproduce(job: Job, source: PurePath | None) -> str:
    """A shell command; `source` is the folder with the code as seen from the folder of Pulumi.yaml.

    Data and outputs are folders `inputs/NAME` and `outputs/NAME` there. What nobody but the user can do is told in
    front, after a `:`, which every shell passes over.
    """
    spec = job.spec
    program, *arguments = (_filled(job, word) for word in (["bash", "-c"] if spec.shell else []) + list(spec.command))
    words = ["docker run --rm -it --shm-size", shlex.quote(spec.shm_size or "8g")]
    words += [spec.docker_args] if spec.docker_args else []
    words += ["--gpus all"] if spec.size is None or find_size(spec.size).gpus else []
    words += [f"-e {shlex.quote(f'{name}={value}')}" for name, value in spec.environment_variables.items()]
    words += [f"-e {shlex.quote(name)}" for name in spec.secrets]  # from the shell's own variables
    if source is not None:
        words += [_mount(str(source), "/code"), "-w /code"]
    data = {name: source["uri"] for name, source in job.sources.items() if _is_mounted(source)}
    words += [_mount(f"inputs/{name}", f"/inputs/{name}:ro") for name in data]
    words += [_mount(f"outputs/{name}", f"/outputs/{name}") for name in spec.outputs]
    image, notes = _image(job)
    notes += [f"inputs/{name}: what lies at {uri}" for name, uri in data.items()]
    # An image may have an entry point of its own, which Azure ML does not care for either.
    words += [f"--entrypoint {shlex.quote(program)}", image, *map(shlex.quote, arguments)]
    return (f": {shlex.quote('; '.join(notes))}; " if notes else "") + " ".join(words)


def _image(job: Job) -> tuple[str, list[str]]:
    """The image as the shell takes it, and what to do where only Azure ML knows which one it is."""
    image = job.spec.image
    if image and not image.startswith(REFERENCE) and not is_managed(image, job.environment):
        return shlex.quote(image), []
    environment = job.environment or image or "the run"
    return "IMAGE", [f"IMAGE: the one that the studio names for the environment {environment}"]


def _filled(job: Job, word: str) -> str:
    def value(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        source = job.sources.get(name, {}) if kind == "inputs" else {}
        if "value" in source:
            return source["value"]
        place = f"/{kind}/{name}" if kind == "outputs" or _is_mounted(source) else source["uri"]
        return f"{place}/{source['path']}" if "path" in source else place

    return EXPRESSION.sub(value, word)


def _is_mounted(source: Mapping[str, str]) -> bool:
    return "value" not in source and source.get("mode") != InputMode.DIRECT


def _mount(folder: str, place: str) -> str:
    return f'-v "$PWD"/{shlex.quote(folder)}:{place}'
