"""The command that runs a job's code by hand, in its image, on any machine with Docker."""

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath

from trainup.core import scoring
from trainup.core.choices import InputMode
from trainup.core.commands import EXPRESSION
from trainup.core.images import is_managed
from trainup.core.sizes import find_size
from trainup.jobs.azure.platform.environments import REFERENCE
from trainup.jobs.serving import batch
from trainup.jobs.target import Job


def reproduce(job: Job, source: PurePath | None) -> str:
    """A shell command that runs a job by hand; `source` is the code folder relative to the folder of Pulumi.yaml.

    The command expects data in the folders `inputs/NAME` and writes outputs to `outputs/NAME`. Steps that the user has
    to do first are stated at its beginning as arguments of `:`, which shells ignore.
    """
    spec = job.spec
    program, *arguments = (_filled(job, word) for word in (["bash", "-c"] if spec.shell else []) + list(spec.command))
    words = ["docker run --rm -it --shm-size", shlex.quote(spec.shm_size or "8g")]
    words += [spec.docker_args] if spec.docker_args else []
    words += ["--gpus all"] if spec.size is None or find_size(spec.size).gpus else []
    words += [f"-e {shlex.quote(f'{name}={value}')}" for name, value in spec.environment_variables.items()]
    words += [f"-e {batch.SETTING}"] if scoring.is_scoring(spec.command) else []
    words += [f"-e {shlex.quote(name)}" for name in spec.secrets]  # docker takes the values from the shell's variables
    if source is not None:
        words += [_mount(str(source), "/code"), "-w /code"]
    data = {name: source["uri"] for name, source in job.data_inputs.items() if _is_mounted(source)}
    words += [_mount(f"inputs/{name}", f"/inputs/{name}:ro") for name in data]
    words += [_mount(f"outputs/{name}", f"/outputs/{name}") for name in spec.outputs]
    image, notes = _image(job)
    notes += [f"inputs/{name}: what lies at {uri}" for name, uri in data.items()]
    # Azure ML ignores the image's entry point, so this command overrides it.
    words += [f"--entrypoint {shlex.quote(program)}", image, *map(shlex.quote, arguments)]
    return (f": {shlex.quote('; '.join(notes))}; " if notes else "") + " ".join(words)


def _image(job: Job) -> tuple[str, list[str]]:
    """The image, quoted for a shell, and notes for the user if only Azure ML knows the image."""
    image = job.spec.image
    if image and job.spec.conda:
        return "IMAGE", [f"IMAGE: the one that the studio names, which Azure ML made of {image} and its Conda packages"]
    if image and not image.startswith(REFERENCE) and not is_managed(image, job.environment):
        return shlex.quote(image), []
    environment = job.environment or image or "the run"
    return "IMAGE", [f"IMAGE: the one that the studio names for the environment {environment}"]


def _filled(job: Job, word: str) -> str:
    def value(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        source = job.data_inputs.get(name, {}) if kind == "inputs" else {}
        if "value" in source:
            return source["value"]
        path = f"/{kind}/{name}" if kind == "outputs" or _is_mounted(source) else source["uri"]
        return f"{path}/{source['path']}" if "path" in source else path

    return EXPRESSION.sub(value, word)


def _is_mounted(source: Mapping[str, str]) -> bool:
    return "value" not in source and source.get("mode") != InputMode.DIRECT


def _mount(folder: str, path: str) -> str:
    return f'-v "$PWD"/{shlex.quote(folder)}:{path}'
