"""Inputs of the builder `acr` that both its preview and its builds use."""

from trainup.provider.handler import Properties

REQUIRED = ("builder", "registry_id", "login_server", "repository")
DEFAULT_TIMEOUT = "1h"


def identifying(inputs: Properties) -> Properties:
    """The inputs by which a later operation finds the image again."""
    return {name: inputs.get(name) for name in (*REQUIRED, "digest", "cloud")}
