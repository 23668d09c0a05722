"""The inputs of the builder `acr` that its preview and its builds look at alike."""

from trainup.provider.handler import Properties

REQUIRED = ("builder", "registry_id", "login_server", "repository")
DEFAULT_TIMEOUT = "1h"


def kept(inputs: Properties) -> Properties:
    """What finding the image again takes."""
    return {name: inputs.get(name) for name in (*REQUIRED, "digest", "cloud")}
