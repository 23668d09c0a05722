"""The environment of a job file: a name, an image, an image with Conda packages, or a folder to build an image from."""

import os
import re
from pathlib import Path
from typing import Any

from trainup.core import requirements, written
from trainup.core.images import parse_reference
from trainup.core.job_files import assets
from trainup.core.job_files.values import Definition, Values

KEYS = ("image", "build", "conda_file", "name", "version", "description", "tags", "properties", "os_type", "$schema")
FILE = "file:"
DOCKERFILE = "Dockerfile"


def parse(values: Values, project: Path, folder: str, key: str, value: Any) -> Definition:
    """`image`, `conda` (content of the Conda file as YAML) and `build` (`context`, `dockerfile`), as far as given.

    Paths in the file are relative to its folder, and those in the result to the project.
    """
    if isinstance(value, str):
        return _of_file(values, project, folder, key, value) if value.startswith(FILE) else _named(values, key, value)
    if not isinstance(value, dict):
        values.map(key, value, KEYS)
        return {}
    ignored = {"inference_config", "datastore"}  # how a model is served, and where a build context is kept
    settings = values.map(key, {name: item for name, item in value.items() if name not in ignored}, KEYS)
    if str(settings.get("os_type", "linux")).lower() != "linux":
        values.problem(f"{key}.os_type", f"{settings['os_type']!r} was given, and the nodes run Linux")
    if "build" in settings:
        return _built(values, project, folder, key, settings)
    if "image" not in settings:
        if value.keys() <= set(KEYS) | ignored:  # else the unknown key is what is wrong
            values.problem(
                key, "it is an image (`image: …`), a folder with a Dockerfile (`build: {path: …}`) or a name"
            )
        return {}
    result = values.text(f"{key}.image", settings["image"], "image")
    if "image" in result:
        try:
            parse_reference(result["image"])
        except ValueError as error:
            values.problem(f"{key}.image", str(error))
    if "conda_file" in settings:
        conda = _conda(values, project, folder, f"{key}.conda_file", settings["conda_file"])
        return result | ({"conda": conda} if conda is not None else {})
    return result


def _named(values: Values, key: str, value: str) -> Definition:
    name = value if value.startswith("azureml:") else f"azureml:{value}"
    if problem := assets.problem_of(name):
        values.problem(key, problem.replace(repr(name), repr(value), 1))
        return {}
    return {"image": name}


def _of_file(values: Values, project: Path, folder: str, key: str, value: str) -> Definition:
    """The environment in a file of its own, to which its paths are relative."""
    from trainup.core.job_files.loading import read_yaml

    path = os.path.normpath(os.path.join(folder, value.removeprefix(FILE)))
    try:
        content = read_yaml(project / path)
    except (OSError, ValueError) as error:
        values.problem(key, f"{value!r} cannot be read: {error}")
        return {}
    if not isinstance(content, dict):
        values.problem(key, f"{value!r} is no environment: it is a map with `image` or `build`")
        return {}
    return parse(values, project, os.path.dirname(path), key, content)


def _built(values: Values, project: Path, folder: str, key: str, settings: dict[str, Any]) -> Definition:
    for other in ("image", "conda_file"):
        if other in settings:
            reason = "`build` makes the whole image, from its Dockerfile: remove the one or the other"
            values.problem(f"{key}.{other}", reason)
    build = values.map(f"{key}.build", settings["build"], ("path", "dockerfile_path"))
    path, dockerfile = build.get("path"), build.get("dockerfile_path", DOCKERFILE)
    if not isinstance(path, str) or re.match(r"(azureml|git|https?)[:+]", path):
        values.problem(f"{key}.build.path", f"{path!r} is no folder on this machine, from which trainup builds images")
        return {}
    if not isinstance(dockerfile, str):
        values.problem(f"{key}.build.dockerfile_path", f"{dockerfile!r} is no path of a file in the folder")
        return {}
    context = os.path.normpath(os.path.join(folder, path))
    if not (project / context).is_dir():
        values.problem(f"{key}.build.path", f"there is no folder {context}: the path is relative to the job file")
        return {}
    whole = os.path.normpath(os.path.join(context, dockerfile))
    if not (project / whole).is_file():
        values.problem(f"{key}.build", f"there is no {whole}: write one, or name another with `dockerfile_path`")
        return {}
    return {"build": {"context": context, "dockerfile": whole}}


def _conda(values: Values, project: Path, folder: str, key: str, value: Any) -> str | None:
    """The content of the Conda file as YAML; None with a finding."""
    import yaml

    from trainup.core.job_files.loading import read_yaml

    content, what = value, "what is given here"
    if isinstance(value, str):
        what = os.path.normpath(os.path.join(folder, value.removeprefix(FILE)))
        try:
            content = read_yaml(project / what)
        except (OSError, ValueError) as error:
            values.problem(key, f"{what} cannot be read: {error}; the path is relative to the job file")
            return None
    if not isinstance(content, dict) or not isinstance(content.get("dependencies"), list):
        values.problem(key, f"{what} is no Conda file: it has a list of `dependencies`")
        return None
    parts = [item.get("pip") for item in content["dependencies"] if isinstance(item, dict)]
    for line in [line for lines in parts if isinstance(lines, list) for line in lines if isinstance(line, str)]:
        if requirements.included(line) is not None:
            reason = f"{what} includes a file ({line!r}), and Azure ML gets no other file than this: list its packages"
            values.problem(key, reason)
            return None
    # Written anew, so that a comment or a blank makes no other environment, as with the official client.
    return yaml.safe_dump(_plain(content), sort_keys=False)


def _plain(value: Any) -> Any:
    """A value without the texts of its numbers; a number that YAML changes is written as it stands in the file."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (written.WrittenInt, written.WrittenFloat, written.WrittenOther)):
        return written.shown(value)
    return value
