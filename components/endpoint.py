"""What the endpoints of all targets have in common."""

from collections.abc import Mapping
from typing import Any

import pulumi

from trainup.components import arguments
from trainup.components.resources import Endpoint

OUTPUTS = ("url", "deployment", "model_version")
RENAMED = {"workspace_id": "workspace", "endpoint_name": "name", "environment_id": "environment"}
"""Argument of a component → input of the resource."""


def declare(
    component: pulumi.ComponentResource, name: str, target: str, args: Mapping[str, Any], args_type: type
) -> Endpoint:
    """Check the arguments of a component, declare its endpoint, and register the outputs."""
    arguments.check(component, args, args_type)
    given = {RENAMED.get(key, key): value for key, value in args.items() if value is not None}
    options = pulumi.ResourceOptions(parent=component)
    endpoint = Endpoint(f"{name}-endpoint", {"name": name, **given, "target": target}, opts=options)
    component.register_outputs({output: getattr(endpoint, output) for output in OUTPUTS})
    return endpoint
