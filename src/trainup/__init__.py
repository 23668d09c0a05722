"""`pulumi up` for training: registry, cluster, image and the training run in one declarative program.

The components can be imported from here, `from trainup import TrainingRun, GpuCluster`; each is loaded when it is first
named, so that what declares nothing on Azure does not wait for Azure's SDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainup.components.azure.access import Access, NodeAccess
    from trainup.components.azure.cluster import GpuCluster
    from trainup.components.azure.data import DataAsset
    from trainup.components.azure.endpoint import ModelEndpoint
    from trainup.components.azure.image import CustomImage
    from trainup.components.azure.registry import ContainerRegistry, ExternalRegistry
    from trainup.components.azure.workspace import Workspace
    from trainup.components.gate import Gate
    from trainup.components.local.cluster import LocalCluster
    from trainup.components.local.data import LocalData
    from trainup.components.local.endpoint import LocalEndpoint
    from trainup.components.local.image import LocalImage
    from trainup.components.local.registry import LocalRegistry
    from trainup.components.local.workspace import LocalWorkspace
    from trainup.components.model import Model
    from trainup.components.run import TrainingRun
    from trainup.components.sweep import TrainingSweep

__all__ = [
    "Access",
    "ContainerRegistry",
    "CustomImage",
    "DataAsset",
    "ExternalRegistry",
    "Gate",
    "GpuCluster",
    "LocalCluster",
    "LocalData",
    "LocalEndpoint",
    "LocalImage",
    "LocalRegistry",
    "LocalWorkspace",
    "Model",
    "ModelEndpoint",
    "NodeAccess",
    "TrainingRun",
    "TrainingSweep",
    "Workspace",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'trainup' has no attribute {name!r}")
    from trainup.components.schema import MODULES

    return getattr(import_module(MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
