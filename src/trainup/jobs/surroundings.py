"""Prepares the environment variables of a process for connections."""

import os

from trainup.core import network


def settle() -> None:
    """Reach this machine without a proxy, and the world outside with the certificates that the user has named.

    For this process and all that it starts; to be called before anything connects.
    """
    os.environ |= network.direct(os.environ)
    os.environ |= network.trusted(os.environ, os.path.isfile)
