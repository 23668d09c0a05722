"""Checks for the packages of the extra `rehearsal`, which the simulator needs."""

from importlib.util import find_spec

from trainup.core.errors import UserError

PACKAGES = ("trustme", "pulumi_azure_native")
"""A package of this extra, and one of the extra `azure`, which it includes."""


class MissingExtra(UserError):
    """The extra `rehearsal` is not installed."""


def check() -> None:
    """Raise MissingExtra if a package of the extra is not installed."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise MissingExtra(
            f"Azure on this machine needs more packages ({', '.join(missing)}): pip install 'trainup[rehearsal]'"
        )
