"""The command that runs a job's code by hand, in its image, on any machine with Docker."""

import shlex
from pathlib import PurePath

from trainup.core.inputs import EXPRESSION
from trainup.jobs.target import Job


def reproduce(job: Job, source: PurePath | None) -> str:
    """A shell command; `source` is the folder with the code as seen from the folder of Pulumi.yaml."""
    spec = job.spec
    words = ["docker", "run", "--rm", "-it", "--shm-size", spec.shm_size or "8g"]
    if spec.size is None or "cpu" not in spec.size:
        words += ["--gpus", "all"]
    mounts = "" if source is None else f'-v "$PWD/{source}":/code -w /code '
    for name, value in spec.environment_variables.items():
        words += ["-e", f"{name}={value}"]
    for name in spec.secrets:
        words += ["-e", name]  # from the shell's own variables
    command = ["bash", "-c", *spec.command] if spec.shell else list(spec.command)
    filled = [EXPRESSION.sub(lambda match: f"/{match[1]}/{match[2]}", word) for word in command]
    options = " ".join(shlex.quote(word) for word in words)
    image = shlex.quote(spec.image or "IMAGE")
    return f"{options} {mounts}{image} {' '.join(shlex.quote(word) for word in filled)}"
