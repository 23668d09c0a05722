"""The Pulumi schema of the components, for programs in other languages and Pulumi's own tools.

`python -m trainup.components.schema` generates `schema.json` from the classes and their docstrings, and a test compares
the two. The plugin answers with the file, so that it need not import Azure's SDK.
"""

import inspect
import json
from importlib import import_module
from pathlib import Path
from typing import Any

from trainup.core.version import VERSION

NAME = "trainup"
FILE = Path(__file__).with_name("schema.json")
MODULES = {
    "TrainingRun": "trainup.components.run",
    "TrainingSweep": "trainup.components.sweep",
    "Model": "trainup.components.model",
    "Gate": "trainup.components.gate",
    "Workspace": "trainup.components.azure.workspace",
    "ContainerRegistry": "trainup.components.azure.registry",
    "ExternalRegistry": "trainup.components.azure.registry",
    "GpuCluster": "trainup.components.azure.cluster",
    "CustomImage": "trainup.components.azure.image",
    "DataAsset": "trainup.components.azure.data",
    "ModelEndpoint": "trainup.components.azure.endpoint",
    "Access": "trainup.components.azure.access",
    "NodeAccess": "trainup.components.azure.access",
    "LocalWorkspace": "trainup.components.local.workspace",
    "LocalRegistry": "trainup.components.local.registry",
    "LocalCluster": "trainup.components.local.cluster",
    "LocalImage": "trainup.components.local.image",
    "LocalData": "trainup.components.local.data",
    "LocalEndpoint": "trainup.components.local.endpoint",
}
"""Component → its module."""


def generate() -> dict[str, Any]:
    """The schema in Pulumi's format (https://www.pulumi.com/docs/using-pulumi/pulumi-packages/schema/)."""
    from pulumi.provider.experimental.schema import generate_schema

    analysis = analyze([getattr(import_module(module), name) for name, module in MODULES.items()])
    schema = generate_schema(
        NAME,
        VERSION,
        None,
        analysis["component_definitions"],
        analysis["type_definitions"],
        [],
    ).to_json()
    return {
        **_cleaned(schema),
        "displayName": "trainup",
        "description": "`pulumi up` for training: registry, cluster, image and the training run in one program",
        "license": "MIT",
    }


def analyze(classes: list[type]) -> Any:
    """What Pulumi's analyzer finds in components, with the texts of inherited arguments, which it leaves out."""
    from pulumi.provider.experimental.analyzer import Analyzer

    from trainup.components.run import TrainingRun

    analysis: Any = Analyzer(NAME).analyze([*classes])
    run: Any = Analyzer(NAME).analyze([TrainingRun])["component_definitions"]["TrainingRun"]
    if sweep := analysis["component_definitions"].get("TrainingSweep"):
        for name, item in run.inputs.items():
            sweep.inputs[name].description = item.description
    return analysis


def _cleaned(value: Any) -> Any:
    """The value with the indentation of docstrings removed from all descriptions."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else _cleaned(item)
            for key, item in value.items()
        }
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def text() -> str:
    """The content of `schema.json`."""
    return json.dumps(generate(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
