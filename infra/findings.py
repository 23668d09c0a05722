"""What the provider would refuse, asked of it for everything at once, so that one preview tells all."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi
from pydantic import ValidationError

from trainup.core.version import VERSION
from trainup.core.wire import UNKNOWN_TEXT
from trainup.infra.run_settings import InputSettings, RunSettings
from trainup.infra.sections import JudgedSection, Section

Parsed = TypeVar("Parsed", bound=Section)

TOKEN = "trainup:index:check"
KNOWN_LATER = ("workspace", "cluster", "image", "environment")
"""Inputs of a run that the platform tells."""

Resource = tuple[str, str, dict[str, Any]]
"""Where its settings stand, its type, its inputs."""


def ask(target: str, given: Mapping[str, Any], models: Mapping[str, type[JudgedSection]], context: Any) -> list[str]:
    """A sentence for each finding, with its key. Sections that are no settings are left out: they are told already."""
    resources = [*_images(given, models, context), *_data(given, models, context), *_runs(target, given, context)]
    if not resources:
        return []
    asked = json.dumps([{"type": kind, "inputs": inputs} for _, kind, inputs in resources])
    answer = pulumi.runtime.invoke(TOKEN, {"resources": asked, "version": VERSION}).value
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
        if run is not None:
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


def _images(given: Mapping[str, Any], models: Mapping[str, type[JudgedSection]], context: Any) -> list[Resource]:
    return _judged("trainup:image", "trainup:index:Image", models["image"], given.get("image", {}), context)


def _data(given: Mapping[str, Any], models: Mapping[str, type[JudgedSection]], context: Any) -> list[Resource]:
    return [
        resource
        for name, settings in _maps(given.get("data"))
        for resource in _judged(f"trainup:data.{name}", "trainup:index:Data", models["data"], settings, context)
    ]


def _judged(place: str, kind: str, model: type[JudgedSection], settings: Any, context: Any) -> list[Resource]:
    """The resource that judges a section, if there is one and the section can be read."""
    section = _parsed(model, settings, context)
    inputs = section.judged_inputs() if section else None
    return [] if inputs is None else [(place, kind, inputs)]


def _maps(section: Any) -> list[tuple[str, Any]]:
    return list(section.items()) if isinstance(section, dict) else []


def _parsed(model: type[Parsed], value: Any, context: Any) -> Parsed | None:
    try:
        return model.model_validate(value, context=context)
    except ValidationError:
        return None


def _below(name: str) -> str:
    """An input as the settings call it: `inputs['a']['uri']` stands at `.inputs.a.uri`."""
    path = re.sub(r"\['([^']*)'\]", r".\1", name)
    return f".{path.replace('shell_command', 'job', 1)}"
