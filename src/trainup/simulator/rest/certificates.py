"""A certificate authority for one listener: made when it starts, forgotten with it."""

from dataclasses import dataclass
from pathlib import Path

ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificates:
    """Files in PEM."""

    authority: Path
    """What clients have to trust."""

    server: Path
    """Certificate and key of the listener; readable by its owner alone."""


def make(folder: Path, host: str) -> Certificates:
    """A new authority, and a certificate from it for a host. The authority's key is written nowhere."""
    import trustme  # part of the extra: `extra.check` says so where it is missing

    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="trainup simulator")
    server = authority.issue_cert(host, f"*.blob.{host}", *ADDRESSES, common_name=host)
    files = Certificates(folder / "authority.pem", folder / "server.pem")
    authority.cert_pem.write_to_path(files.authority)
    files.server.touch(mode=0o600)
    server.private_key_and_cert_chain_pem.write_to_path(files.server)
    return files
