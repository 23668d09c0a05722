"""Asks the provider what it would refuse, for all resources in one call, so that one preview reports everything."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi
from pydantic import ValidationError

from trainup.core.values import UNKNOWN_TEXT
from trainup.core.version import VERSION
from trainup.infra.endpoint_settings import EndpointSettings
from trainup.infra.run_settings import InputSettings, RunSettings
from trainup.infra.sections import JudgedSection, Section
from trainup.infra.target_settings import SettingsDeclaration

Parsed = TypeVar("Parsed", bound=Section)

TOKEN = "trainup:index:check"
PLATFORM_INPUTS = ("workspace", "cluster", "image", "environment")
"""Inputs of a run that come from the platform and are unknown before it is declared."""

Resource = tuple[str, str, dict[str, Any]]
"""The path of its settings, its type, its inputs."""


def ask(declaration: SettingsDeclaration, target: str, sections: Mapping[str, Any], context: Any) -> list[str]:
    """A sentence for each finding, after its key. Invalid sections are left out: they are reported already."""
    resources = [
        *_images(sections, declaration.judged, context),
        *_data(sections, declaration.judged, context),
        *_runs(target, sections, context),
        *_endpoints(declaration.endpoint, target, sections, context),
    ]
    if not resources:
        return []
    request = json.dumps([{"type": kind, "inputs": inputs} for _, kind, inputs in resources])
    answer = pulumi.runtime.invoke(TOKEN, {"resources": request, "version": VERSION}).value
    answers = json.loads(answer["findings"]) if answer else []
    return [
        f"{path}{_below(item['property'])}: {item['reason']}"
        for (path, _, _), findings in zip(resources, answers, strict=False)
        for item in findings
    ]


def _runs(target: str, sections: Mapping[str, Any], context: Any) -> list[Resource]:
    resources = []
    for name, settings in _maps(sections.get("runs")):
        run = _parsed(RunSettings, settings, context)
        if run is not None:
            unknown_inputs = dict.fromkeys(PLATFORM_INPUTS, UNKNOWN_TEXT)
            inputs = {**unknown_inputs, **_inputs(run), "run": name, "target": target}
            kind = "trainup:index:Run" if run.sweep is None else "trainup:index:Sweep"
            resources.append((f"trainup:runs.{name}", kind, inputs))
    return resources


def _inputs(run: RunSettings) -> dict[str, Any]:
    """A run's inputs, with unknown values for those that its settings do not hold."""
    inputs = run.model_dump(mode="json", exclude_none=True, exclude={"secrets", "after", "inputs"})
    for name, names in (("secrets", run.secrets), ("after", run.after)):
        if names:
            inputs[name] = dict.fromkeys(names, UNKNOWN_TEXT)
    if run.inputs:
        inputs["inputs"] = {name: _input(item) for name, item in run.inputs.items()}
    return inputs


def _input(item: InputSettings) -> dict[str, Any]:
    if item.value is not None:
        return {"value": item.value}
    reference = {"uri": item.uri or UNKNOWN_TEXT, "digest": item.version or UNKNOWN_TEXT}
    return reference | item.model_dump(mode="json", exclude_none=True, include={"path", "type", "mode"})


def _images(sections: Mapping[str, Any], models: Mapping[str, type[JudgedSection]], context: Any) -> list[Resource]:
    return _judged("trainup:image", "trainup:index:Image", models["image"], sections.get("image", {}), context)


def _data(sections: Mapping[str, Any], models: Mapping[str, type[JudgedSection]], context: Any) -> list[Resource]:
    return [
        resource
        for name, settings in _maps(sections.get("data"))
        for resource in _judged(f"trainup:data.{name}", "trainup:index:Data", models["data"], settings, context)
    ]


def _endpoints(model: type[EndpointSettings], target: str, sections: Mapping[str, Any], context: Any) -> list[Resource]:
    return [
        (f"trainup:endpoints.{name}", "trainup:index:Endpoint", endpoint.judged_inputs(name, target))
        for name, settings in _maps(sections.get("endpoints"))
        if (endpoint := _parsed(model, settings, context))
    ]


def _judged(path: str, kind: str, model: type[JudgedSection], settings: Any, context: Any) -> list[Resource]:
    """The resource that checks a section; none where no resource does, or the section is not valid."""
    section = _parsed(model, settings, context)
    inputs = section.judged_inputs() if section else None
    return [] if inputs is None else [(path, kind, inputs)]


def _maps(section: Any) -> list[tuple[str, Any]]:
    return list(section.items()) if isinstance(section, dict) else []


def _parsed(model: type[Parsed], value: Any, context: Any) -> Parsed | None:
    try:
        return model.model_validate(value, context=context)
    except ValidationError:
        return None


def _below(name: str) -> str:
    """The path of an input in the settings: that of `inputs['a']['uri']` is `.inputs.a.uri`."""
    dotted = re.sub(r"\['([^']*)'\]", r".\1", name)
    return f".{dotted.replace('shell_command', 'job', 1)}"
