"""Checks a run's inputs against Azure's limits before anything is sent."""

import re
from collections.abc import Mapping
from typing import Any

from trainup.core import schedules, sizes
from trainup.core.azure_ids import CLUSTER, WORKSPACE, parse_id
from trainup.core.azure_names import check_name
from trainup.core.clusters import SERVERLESS
from trainup.core.input_assets import CONTENT, IN_WORKSPACE
from trainup.core.targets import Problems
from trainup.core.values import reveal

OWN_PREFIX = "trainup."
"""Prefix of the tags and properties that trainup itself sets."""
MOST_TAGS = 30
"""Maximum of the user's tags. Azure ML keeps 50 for a job; the rest is for trainup and Azure ML itself."""
TAG_NAME_MAX, TAG_MAX = 100, 1000
DESCRIPTION_MAX = 5000
DISPLAY_NAME_MAX = 256
MOST_SECRET_BYTES = 25_600
"""Maximum size of a value in a key vault."""
LONGEST_SECONDS = 30 * 86400
"""Azure ML ends a run after 30 days."""
ADDRESS = re.compile(r"azureml:.+|(?:https|wasbs?|abfss?|adl)://.+|/subscriptions/.+", re.IGNORECASE)


def findings(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    """All findings about a run on Azure that need no network; arguments as for `targets.Rules`."""
    yield from _location(values)
    yield from _labels(values)
    yield from _schedule(values.get("schedule", {}))
    if (build := values.get("build")) and inputs.get("image") is None:
        yield (
            "job",
            f"the file builds its image from {build['context']}: declare a CustomImage of that folder, and pass its "
            "`reference` as `image` and its `environment_id`",
        )
    for name in ("inputs", "outputs"):
        for key, item in values.get(name, {}).items():
            uri = item.get("uri")
            is_uploaded = name == "inputs" and str(item.get("digest", "")).startswith(CONTENT)
            if isinstance(uri, str) and not is_uploaded and not ADDRESS.fullmatch(uri):
                yield (
                    f"{name}[{key!r}]['uri']",
                    f"{uri!r} is no address that Azure ML reads: it is azureml:NAME:VERSION, azureml://…, "
                    "https://…, wasbs://… or abfss://…; a local folder goes into a datastore, which trainup:data names",
                )
    for name, value in values.get("secrets", {}).items():
        size = len(plain.encode()) if isinstance(plain := reveal(value), str) else 0
        if size > MOST_SECRET_BYTES:
            yield (
                f"secrets[{name!r}]",
                f"its value has {size} bytes, and a key vault keeps {MOST_SECRET_BYTES}: let the run fetch it from a "
                "place of its own",
            )
    if values.get("timeout", 0) > LONGEST_SECONDS:
        yield "timeout", "Azure ML ends a run after 30 days: make it shorter, and go on from a checkpoint"


def _location(values: Mapping[str, Any]) -> Problems:
    cluster = values.get("cluster")
    for name, text, kind in (("workspace", values.get("workspace"), WORKSPACE), ("cluster", cluster, CLUSTER)):
        if text is None or (name == "cluster" and (text == SERVERLESS or text.startswith(IN_WORKSPACE))):
            continue
        try:
            parse_id(text, kind)
        except ValueError as error:
            yield name, str(error)
    if "queue_tier" in values and cluster not in (None, SERVERLESS):
        yield "queue_tier", "it is for runs without a cluster, and this one has one: set `cluster: {serverless: true}`"
    if "size" in values:
        try:
            sizes.find_size(values["size"])
        except ValueError as error:
            yield "size", str(error)


def _schedule(schedule: Mapping[str, str]) -> Problems:
    if not schedule:
        return
    for field in schedules.FIELDS[2:4]:
        if (value := schedules.fields(schedule)[field]) != "*":
            yield (
                "schedule['expression']",
                f"{schedule['expression']!r} has {value!r} as {field}, which Azure ML takes for `*`: write `*` there, "
                f"and choose by the {schedules.FIELDS[4]}",
            )


def _labels(values: Mapping[str, Any]) -> Problems:
    tags = values.get("tags", {})
    if len(tags) > MOST_TAGS:
        yield "tags", f"there are {len(tags)} tags, and Azure ML has room for {MOST_TAGS} beside its own and trainup's"
    for key, value in tags.items():
        if len(key) > TAG_NAME_MAX or len(value) > TAG_MAX:
            yield f"tags[{key!r}]", f"a tag has at most {TAG_NAME_MAX} characters, and its value {TAG_MAX}"
        if key.startswith(OWN_PREFIX):
            yield f"tags[{key!r}]", f"tags that begin with {OWN_PREFIX} are trainup's own; choose another name"
    for name, limit in (("description", DESCRIPTION_MAX), ("display_name", DISPLAY_NAME_MAX)):
        if len(values.get(name, "")) > limit:
            yield name, f"it has {len(values[name])} characters, and Azure ML takes {limit}"
    if "experiment_name" in values and (problem := check_name("experiment", values["experiment_name"])):
        yield "experiment_name", problem
