"""The images that job files build from a folder of their own (`environment.build`), by the stack's builder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainup.core import bounded
from trainup.core.canonical import sha256
from trainup.core.images import ImageBuilder
from trainup.core.texts import decode
from trainup.infra import image_fit
from trainup.infra.run_settings import RunSettings


@dataclass(frozen=True)
class JobImage:
    """What one image is built from; paths are relative to the folder of Pulumi.yaml."""

    context: str
    dockerfile: str

    @property
    def name(self) -> str:
        """A name for resources: the folder's last parts, and something that no other folder has."""
        words = re.sub(r"[^a-z0-9]+", "-", "-".join(Path(self.context).parts[-2:]).lower()).strip("-")
        return f"{words[:40] or 'image'}-{sha256([self.context, self.dockerfile])[:6]}"


def job_images(runs: Mapping[str, RunSettings], root: Path) -> dict[str, JobImage]:
    """Job file → the image that it builds, for the runs of a stack; files with mistakes have findings elsewhere."""
    images = {}
    jobs = sorted({run.job for run in runs.values() if run.job})
    if not jobs:
        return {}
    from trainup.core.job_files.reading import read  # most stacks have no job files

    for job in jobs:
        definition, problems = read(root, job)
        if not problems and "build" in definition:
            images[job] = JobImage(**definition["build"])
    return images


def misfits_of(
    runs: Mapping[str, RunSettings], images: Mapping[str, JobImage], root: Path, size: str | None
) -> list[str]:
    """A problem for each run whose job file builds an image that the GPUs of the nodes cannot use."""
    problems = []
    for name, run in runs.items():
        if own := images.get(run.job or ""):
            try:
                text = decode(bounded.read_bytes(root / own.dockerfile))
            except (OSError, ValueError):
                continue  # the resource that builds it has a finding about it
            key = f"trainup:runs.{name}.job"
            problems += image_fit.fit_of_dockerfile(key, text, root / own.context, {}, size).problems
    return problems


def problems_of(runs: Mapping[str, RunSettings], images: Mapping[str, JobImage], builder: ImageBuilder) -> list[str]:
    """A problem for each run whose job file builds an image, in a stack that builds none."""
    if builder is not ImageBuilder.PREBUILT:
        return []
    return [
        f"trainup:runs.{name}.job: {run.job} builds its image from {own.context}, and this stack builds "
        "none (trainup:image.builder is prebuilt): take the builder acr or docker, or name an image in the file"
        for name, run in runs.items()
        if (own := images.get(run.job or ""))
    ]
