"""The image settings of Azure stacks."""

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationInfo, model_validator

from trainup.core import requirements
from trainup.core.choices import OnInterrupt
from trainup.core.images import ImageBuilder
from trainup.core.texts import decode
from trainup.core.values import UNKNOWN_TEXT
from trainup.infra.azure_values import EnvironmentName, Reference, Repository, project_root, refuse, together
from trainup.infra.sections import JudgedSection, LengthOfTime, Text

MOST_CONDA = 1024**2
"""The most bytes that a Conda file may have."""


class AzureImageSettings(JudgedSection):
    """`trainup:image`: built from a Dockerfile, or an existing one by `reference`."""

    builder: ImageBuilder = ImageBuilder.ACR
    """Who builds: `acr` in the registry, without Docker; `docker` on this machine; `prebuilt` takes an existing image.

    Replaces: the image, and the runs if its digest changes.
    Costs: `acr` cents for the minutes of a build.
    """
    environment: EnvironmentName = "fastai2"
    """Name of the environment that the image is registered as.

    Replaces: the environment.
    """
    repository: Repository | None = None
    """Repository of the image in the registry. Defaults to the environment's name.

    Replaces: the image and the runs, since a run knows its image by its whole name.
    """
    context: str | None = None
    """Folder that the Dockerfile copies from, relative to Pulumi.yaml. Defaults to its folder.

    Replaces: the image and the runs, where its content changes.
    """
    dockerfile: str | None = None
    """Path of the Dockerfile, relative to Pulumi.yaml. Defaults to `Dockerfile` in the context.

    Replaces: the image and the runs, where its content changes.
    """
    dockerfile_text: str | None = None
    """The Dockerfile itself, instead of its path; only for `acr`.

    Replaces: the image and the runs.
    """
    arguments: dict[str, Text] | None = None
    """Build arguments, readable by everyone who may pull the image. Defaults to none.

    Replaces: the image and the runs.
    """
    timeout: LengthOfTime | None = None
    """Time limit of a build by `acr`, from `5m` to `8h`. Defaults to `1h`."""
    on_interrupt: OnInterrupt | None = None
    """What Ctrl-C does to a build by `acr`: `detach` (default) lets it go on, `cancel` stops it."""
    allow_secrets: list[str] | None = None
    """Files and lines (`path` or `path:line`) of what is built that only look as if they held a secret."""
    reference: Reference | None = None
    """The existing image of `prebuilt`. A tag is resolved to a digest once.

    Replaces: the image and the runs.
    """
    user_managed_dependencies: bool = True
    """Whether the image is used as it is; otherwise Azure ML installs `conda` or `pip` on top of it.

    Replaces: the image and the runs.
    """
    conda: str | None = None
    """Conda file that Azure ML installs on top of the image, relative to Pulumi.yaml. Defaults to none.

    Replaces: the environment and the runs.
    """
    pip: list[str] | None = None
    """Packages that Azure ML installs on top of the image. Defaults to none.

    Replaces: the environment and the runs.
    """

    @model_validator(mode="after")
    def _has_one_source(self, info: ValidationInfo) -> "AzureImageSettings":
        refuse([*self._source_problems(), *self._package_problems(), *self._file_problems(project_root(info))])
        return self

    def _source_problems(self) -> list[str | None]:
        only_acr = [name for name in ("timeout", "on_interrupt") if name in self.model_fields_set]
        reason = f"`{'`, `'.join(only_acr)}` is for the builder acr, and the builder is {self.builder}: remove it"
        builder_problem = reason if only_acr and self.builder is not ImageBuilder.ACR else None
        if self.builder is ImageBuilder.PREBUILT:
            build = ("context", "dockerfile", "dockerfile_text", "arguments", "repository")
            missing = "the builder prebuilt takes an existing image: name it with `reference`"
            return [builder_problem, together(self, "reference", *build), None if self.reference else missing]
        return [
            builder_problem,
            f"`reference` is for the builder prebuilt, and the builder is {self.builder}: remove the one or change the "
            "other"
            if self.reference
            else None,
            together(self, "dockerfile", "dockerfile_text"),
            "the builder docker reads the Dockerfile from a file: give `dockerfile`, or take the builder acr"
            if self.dockerfile_text is not None and self.builder is ImageBuilder.DOCKER
            else None,
        ]

    def _package_problems(self) -> list[str | None]:
        packages = self.conda is not None or self.pip is not None
        return [
            together(self, "conda", "pip"),
            "`conda` and `pip` install on top of an image: set `user_managed_dependencies: false`"
            if packages and self.user_managed_dependencies
            else None,
            "`user_managed_dependencies: false` lets Azure ML install packages: list them in `conda` or `pip`"
            if not packages and not self.user_managed_dependencies
            else None,
            *_pip_problems("pip", self.pip or []),
        ]

    def _file_problems(self, root: Path) -> list[str | None]:
        problems = [_conda_problem(root, self.conda)] if self.conda else []
        if self.builder is ImageBuilder.PREBUILT:
            return problems
        if not os.path.isdir(root / self.folder):
            problems.append(f"there is no folder {self.folder} to build from: `context` is relative to Pulumi.yaml")
        elif self.dockerfile_text is None and not os.path.isfile(root / self.dockerfile_path):
            problems.append(
                f"there is no {self.dockerfile_path}: write one, name another with `dockerfile`, "
                "or take an existing image with `builder: prebuilt`"
            )
        return problems

    def judged_inputs(self) -> dict[str, Any] | None:
        if self.builder is ImageBuilder.DOCKER:
            return {"builder": "docker", "dockerfile": self.dockerfile_path, "arguments": self.arguments or {}}
        if self.builder is not ImageBuilder.ACR:
            return None
        settings = self.model_dump(mode="json", exclude_none=True)
        unknown_inputs = dict.fromkeys(("registry_id", "login_server", "repository"), UNKNOWN_TEXT)
        names = ("builder", "dockerfile_text", "arguments", "timeout", "on_interrupt", "allow_secrets")
        inputs = {
            **unknown_inputs,
            **{name: settings[name] for name in names if name in settings},
            "context": self.folder,
        }
        return inputs if self.dockerfile_text is not None else {**inputs, "dockerfile": self.dockerfile_path}

    @property
    def has_packages(self) -> bool:
        """Whether Azure ML installs packages on top of the image."""
        return not self.user_managed_dependencies

    @property
    def folder(self) -> str:
        """The folder that the Dockerfile copies from, relative to the folder of Pulumi.yaml."""
        return self.context or "."

    @property
    def dockerfile_path(self) -> str:
        """The path of the Dockerfile, relative to the folder of Pulumi.yaml."""
        return self.dockerfile or str(Path(self.folder, "Dockerfile"))


def _conda_problem(root: Path, name: str) -> str | None:
    if not os.path.isfile(root / name):
        return f"there is no file {name}: `conda` is relative to Pulumi.yaml"
    if os.path.getsize(root / name) > MOST_CONDA:
        return f"{name} is no Conda file: it has more than {MOST_CONDA:,} bytes"
    try:
        content = yaml.safe_load(decode((root / name).read_bytes()))
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return f"{name} is no YAML{where}: {error.problem}"
    except (yaml.YAMLError, ValueError) as error:
        return f"{name} is no YAML: {error}"
    if not isinstance(content, dict) or not isinstance(content.get("dependencies"), list):
        return f"{name} is no Conda file: it has a list of `dependencies`"
    lists = [item["pip"] for item in content["dependencies"] if isinstance(item, dict) and "pip" in item]
    packages = [line for packages in lists if isinstance(packages, list) for line in packages]
    return next(iter(_pip_problems(name, packages)), None)


def _pip_problems(origin: str, packages: list[Any]) -> list[str]:
    """Problems with packages that Azure ML installs: it gets the list alone, and none of the files in it."""
    problems = []
    for line in (item.strip() for item in packages if isinstance(item, str)):
        if problem := requirements.problem(line):
            problems.append(f"{origin} {problem}")
        elif requirements.included(line) is not None:
            problems.append(
                f"{origin} includes a file ({line!r}), and Azure ML has no file of this machine: list its packages"
            )
    return problems
