"""What the provider would refuse, asked of it for everything at once, so that one preview tells all."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import ValidationError

from trainup.core.images import ImageBuilder
from trainup.core.wire import UNKNOWN_TEXT
from trainup.infra.azure_image_settings import AzureImageSettings
from trainup.infra.run_settings import InputSettings, RunSettings
from trainup.infra.sections import Section

TOKEN = "trainup:index:check"
KNOWN_LATER = ("workspace", "cluster", "image", "environment")
"""Inputs of a run that the platform tells."""

Resource = tuple[str, str, dict[str, Any]]
"""Where its settings stand, its type, its inputs."""


def ask(target: str, given: Mapping[str, Any], models: Mapping[str, type[Section]], context: Any) -> list[str]:
    """A sentence for each finding, with its key. Sections that are no settings are left out: they are told already."""
    resources = [*_images(given, models, context), *_data(given, models, context), *_runs(target, given, context)]
    if not resources:
        return []
    asked = json.dumps([{"type": kind, "inputs": inputs} for _, kind, inputs in resources])
    answer = pulumi.runtime.invoke(TOKEN, {"resources": asked}).value
    found = json.loads(answer["findings"]) if answer else []
    return [
        f"{place}{_below(item['property'])}: {item['reason']}"
        for (place, _, _), findings in zip(resources, found, strict=False)
        for item in findings
    ]


def _runs(target: str, given: Mapping[str, Any], context: Any) -> list[Resource]:
    found = []
    for name, settings in _maps(given.get("runs")):
        run = _parsed(RunSettings, settings, context)
        if isinstance(run, RunSettings):
            later = dict.fromkeys(KNOWN_LATER, UNKNOWN_TEXT)
            inputs = {**later, **_inputs(run), "run": name, "target": target}
            found.append((f"trainup:runs.{name}", "trainup:index:Run", inputs))
    return found


def _inputs(run: RunSettings) -> dict[str, Any]:
    """A run's inputs as far as its settings tell them."""
    given = run.model_dump(mode="json", exclude_none=True, exclude={"secrets", "after", "inputs"})
    for name, later in (("secrets", run.secrets), ("after", run.after)):
        if later:
            given[name] = dict.fromkeys(later, UNKNOWN_TEXT)
    if run.inputs:
        given["inputs"] = {name: _source(item) for name, item in run.inputs.items()}
    return given


def _source(item: InputSettings) -> dict[str, Any]:
    if item.value is not None:
        return {"value": item.value}
    place = {"uri": item.uri or UNKNOWN_TEXT, "digest": item.version or UNKNOWN_TEXT}
    return place | item.model_dump(mode="json", exclude_none=True, include={"path", "type", "mode"})


def _images(given: Mapping[str, Any], models: Mapping[str, type[Section]], context: Any) -> list[Resource]:
    image = _parsed(models["image"], given.get("image", {}), context)
    if image is None:
        return []
    wanted = image.model_dump(mode="json", exclude_none=True)
    if not isinstance(image, AzureImageSettings):
        return [("trainup:image", "trainup:index:Image", {"builder": "venv", "workspace": UNKNOWN_TEXT, **wanted})]
    if image.builder is not ImageBuilder.ACR:
        return []
    later = dict.fromkeys(("registry_id", "login_server", "repository"), UNKNOWN_TEXT)
    kept = ("builder", "dockerfile_text", "arguments", "timeout", "on_interrupt", "allow_secrets")
    inputs = {**later, **{name: wanted[name] for name in kept if name in wanted}, "context": image.folder}
    if image.dockerfile_text is None:
        inputs["dockerfile"] = image.dockerfile_path
    return [("trainup:image", "trainup:index:Image", inputs)]


def _data(given: Mapping[str, Any], models: Mapping[str, type[Section]], context: Any) -> list[Resource]:
    parsed = {name: _parsed(models["data"], settings, context) for name, settings in _maps(given.get("data"))}
    return [
        (f"trainup:data.{name}", "trainup:index:Data", {"path": path})
        for name, data in parsed.items()
        # On Azure, data lies in storage that nobody looks into here.
        if data is not None and "storage" not in type(data).model_fields and (path := getattr(data, "path", None))
    ]


def _maps(section: Any) -> list[tuple[str, Any]]:
    return list(section.items()) if isinstance(section, dict) else []


def _parsed(model: type[Section], value: Any, context: Any) -> Section | None:
    try:
        return model.model_validate(value, context=context)
    except ValidationError:
        return None


def _below(name: str) -> str:
    """An input as the settings call it: `inputs['a']['uri']` stands at `.inputs.a.uri`."""
    path = re.sub(r"\['([^']*)'\]", r".\1", name)
    return f".{path.replace('shell_command', 'job', 1)}"
