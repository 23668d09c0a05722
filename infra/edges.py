"""What a run takes from elsewhere."""

from collections.abc import Mapping

import pulumi

from trainup.components.run import TrainingRun
from trainup.infra.platforms import Platform
from trainup.infra.run_settings import InputSettings


def source(wanted: InputSettings, platform: Platform, runs: Mapping[str, TrainingRun]) -> dict[str, pulumi.Input[str]]:
    """An input as a run takes it: where it lies, and the digest that makes a change of it train again."""
    place: dict[str, pulumi.Input[str]]
    if wanted.data is not None:
        data = platform.data[wanted.data]
        place = {"uri": data.uri, "digest": data.digest}
    elif wanted.run is not None:
        run = runs[wanted.run]
        place = {"uri": run.outputs_uri, "digest": run.digest}
    elif wanted.uri is not None:
        place = {"uri": wanted.uri, "digest": wanted.version or ""}
    else:
        return {"value": wanted.value or ""}
    return place | wanted.model_dump(mode="json", exclude_none=True, include={"path", "type", "mode"})
