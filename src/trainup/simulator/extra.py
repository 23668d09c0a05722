"""The packages that Azure on this machine needs beyond those of every trainup: the extra `rehearsal`."""

from importlib.util import find_spec

from trainup.core.errors import UserError

PACKAGES = ("trustme", "pulumi_azure_native")
"""One of this extra's own, and one of the extra `azure`, which it includes."""


class MissingExtra(UserError):
    """The extra `rehearsal` is not installed."""


def check() -> None:
    """Raise MissingExtra where a package of the extra is not installed."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise MissingExtra(
            f"Azure on this machine needs more packages ({', '.join(missing)}): pip install 'trainup[rehearsal]'"
        )
