"""The definition of a run in its job file: read, its local data known by content, its labels and tags by version.

A label or tag is looked up once. What it stood for is kept among the run's inputs, until the file names another one or
`rerun` changes: so nothing trains again because somebody registered a new version.
"""

from collections.abc import Iterator
from typing import Any

from trainup.core import targets
from trainup.core.clusters import SERVERLESS
from trainup.core.images import NODE_PLATFORM, parse_reference
from trainup.core.input_assets import IN_WORKSPACE
from trainup.core.inputs import Finding
from trainup.core.job_files import assets, reading
from trainup.core.values import UNKNOWN, Unknown
from trainup.jobs.local import data
from trainup.jobs.target import TargetError
from trainup.provider.data import DataDigests
from trainup.provider.handler import Context, Properties
from trainup.provider.image_lookups import image_lookups

FOLDERS = ("uri_folder", "mltable")


class Definitions:
    """Reads job files for the checks of runs."""

    def __init__(self, digests: DataDigests) -> None:
        self._digests = digests
        self._before: dict[str, Properties] = {}
        """URN → the inputs that were deployed. The engine checks a run that it replaces a second time, without them."""

    def complete(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        """The inputs with the content of the job file that `job` names, and the findings about that file."""
        if not isinstance(path := inputs.get("job"), str):
            return inputs, []
        if context.before:
            self._before[context.urn] = context.before
        before = self._before.get(context.urn, {})
        definition, problems = reading.read(context.project, path)
        problems += [f"{path}: {problem}" for problem in self._with_digests(context, definition)]
        inputs = {**inputs, "definition": definition}
        if not problems and targets.is_elsewhere(inputs.get("target")):
            resolved, problems = self._resolve(context, before, inputs, definition)
            if resolved:
                inputs["resolved"] = resolved
        # After the look-up: what is deployed has versions in place of labels.
        if not problems and definition != before.get("definition"):
            for note in _notes(path, inputs, definition):
                context.note(note)
        return inputs, [Finding("job", problem) for problem in problems]

    def _with_digests(self, context: Context, definition: Properties) -> Iterator[str]:
        """Adds to data on this machine the digest of its content; yields what is wrong with it."""
        for name, item in definition.get("inputs", {}).items():
            if "uri" not in item or "digest" in item:
                continue
            path, kind = context.project / item["uri"], item.get("type", "uri_folder")
            if (kind == "uri_file" and path.is_dir()) or (kind in FOLDERS and path.is_file()):
                what, other = ("folder", "uri_folder") if path.is_dir() else ("file", "uri_file")
                yield f"inputs.{name}.type: {kind} was given, and {item['uri']} is a {what}: give `type: {other}`"
                continue
            try:
                item["digest"] = self._digests.digest(context, item["uri"])
            except data.DataError as error:
                yield from (f"inputs.{name}.path: {_in_file(line)}" for line in str(error).splitlines())

    def _resolve(
        self, context: Context, before: Properties, inputs: Properties, definition: Properties
    ) -> tuple[dict[str, str], list[str]]:
        """Puts versions and digests in place of labels and tags; returns what each stands for, and the problems."""
        is_same = before.get("rerun") == inputs.get("rerun")
        kept = before.get("resolved") or {} if is_same else {}
        # What an earlier version of trainup, or one without a network, took as it stands trains nothing again.
        old_image = (before.get("definition") or {}).get("image") if is_same else None
        resolved: dict[str, str] = {}
        problems: list[str] = []
        for key, place, kind in _names(definition):
            text = place[key]
            if text in kept:
                found: Any = kept[text]
            elif text == old_image and not assets.label_of(text):
                continue
            else:
                found = self._look_up(context, inputs, text, kind, problems)
            if found is None:
                continue
            for name in {key, "digest"} & place.keys() if kind != "environments" else {key}:
                place[name] = found
            if not isinstance(found, Unknown):
                resolved[text] = found
        return resolved, problems

    def _look_up(self, context: Context, inputs: Properties, text: str, kind: str, problems: list[str]) -> Any:
        """What a label or tag stands for; None where nothing can be said now."""
        label, cloud = assets.label_of(text), inputs.get("cloud")
        if isinstance(cloud, Unknown) or not context.urn:  # the first check, of all resources at once, asks nobody
            return UNKNOWN if label else None
        if label is None:
            return self._image(context, inputs, text, problems)
        workspace_id = inputs.get("workspace")
        if not isinstance(workspace_id, str):
            return UNKNOWN  # the workspace does not exist yet
        from trainup.jobs.azure.http.client import AzureClient
        from trainup.jobs.azure.http.connection import connect
        from trainup.jobs.azure.http.pipeline import Patience
        from trainup.jobs.azure.platform.versions import latest
        from trainup.jobs.azure.platform.workspace import Workspace

        try:
            patient = connect(cloud)
            # A preview that cannot reach Azure says so soon; the next one asks again.
            client = AzureClient(patient.endpoints, patient.credential, Patience(tries=3, longest_pause=1.0))
            found = latest(Workspace(client, workspace_id), label, kind)
        except TargetError as error:
            problems.append(f"{inputs['job']}: {error}")
            return None
        context.info(f"{text} is {found}")
        return found

    def _image(self, context: Context, inputs: Properties, text: str, problems: list[str]) -> str | None:
        answer = image_lookups().find(context, text, inputs.get("cloud"), NODE_PLATFORM)
        if answer.problem:
            problems.append(f"{inputs['job']}: environment.image: {answer.problem}")
        if answer.reference:
            context.info(f"{text} is {answer.reference}")
        return str(answer.reference) if answer.reference else None


def _notes(path: str, inputs: Properties, definition: Properties) -> Iterator[str]:
    """What may surprise somebody who knows how the official client reads the file."""
    if targets.is_on_this_machine(inputs.get("target")):
        if definition.get("services"):
            yield f"{path}: the services {', '.join(definition['services'])} are opened on Azure, and not here"
    elif "cluster" not in definition and inputs.get("cluster") not in (None, SERVERLESS):
        yield (
            f"{path} names no compute, and runs on the stack's cluster; `compute: {IN_WORKSPACE}{SERVERLESS}` lets "
            "Azure ML find a node, as the official client does"
        )


def _names(definition: Properties) -> Iterator[tuple[str, Properties, str]]:
    """(key, the map that holds it, kind of asset) of everything that is named by a label or a tag."""
    image = definition.get("image")
    if isinstance(image, str) and (assets.label_of(image) or _is_tag(image)):
        yield "image", definition, "environments"
    for item in definition.get("inputs", {}).values():
        if "uri" in item and assets.label_of(item["uri"]):
            kind = str(item.get("type", "uri_folder"))
            yield "uri", item, "models" if kind.endswith("_model") else "data"


def _is_tag(image: str) -> bool:
    try:
        return not image.startswith("azureml:") and parse_reference(image).digest is None
    except ValueError:
        return False  # there is a finding about it


def _in_file(problem: str) -> str:
    """A sentence about data, for a path that stands in a job file."""
    return problem.replace("`path` is relative to the folder of Pulumi.yaml", "a path is relative to the job file")
