"""The kinds of resources that there are, and the handler of each."""

import importlib
import threading

from trainup.provider.handler import Handler, ResourceError

KINDS = {
    "trainup:index:Run": ("trainup.provider.run", "RunHandler"),
    "trainup:index:Sweep": ("trainup.provider.sweep", "SweepHandler"),
    "trainup:index:Image": ("trainup.provider.image", "ImageHandler"),
    "trainup:index:Data": ("trainup.provider.data", "DataHandler"),
    "trainup:index:ModelVersion": ("trainup.provider.model_version", "ModelVersionHandler"),
    "trainup:index:LiveModel": ("trainup.provider.live_model", "LiveModelHandler"),
    "trainup:index:Pool": ("trainup.provider.pool", "PoolHandler"),
    "trainup:index:Grant": ("trainup.provider.role_assignment", "RoleAssignmentHandler"),
    "trainup:index:Keep": ("trainup.provider.keep", "KeepHandler"),
    "trainup:index:ClusterRemoval": ("trainup.provider.cluster_removal", "ClusterRemovalHandler"),
    "trainup:index:CostEstimate": ("trainup.provider.cost_estimate", "CostEstimateHandler"),
    "trainup:index:Readiness": ("trainup.provider.readiness", "ReadinessHandler"),
    "trainup:index:Quota": ("trainup.provider.quota", "QuotaHandler"),
    "trainup:index:Endpoint": ("trainup.provider.endpoint", "EndpointHandler"),
    "trainup:index:Server": ("trainup.provider.server", "ServerHandler"),
}
"""Type token → module and class of its handler. Imported at first use: every preview starts this process."""


class Handlers:
    """One handler for each kind, made at its first use. Safe to use from several threads."""

    def __init__(self) -> None:
        self._made: dict[str, Handler] = {}
        self._lock = threading.Lock()

    def of(self, token: str) -> Handler:
        """The handler of a type token. Raises ResourceError for one that is not ours."""
        if token not in KINDS:
            raise ResourceError(f"{token!r} is no resource of trainup; there are {', '.join(sorted(KINDS))}")
        with self._lock:
            if token not in self._made:
                module, name = KINDS[token]
                self._made[token] = getattr(importlib.import_module(module), name)()
            return self._made[token]
