"""A certificate authority for one listener, created when the listener starts."""

from dataclasses import dataclass
from pathlib import Path

ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificates:
    """Paths of certificate files in PEM format."""

    authority: Path
    """Certificate of the authority, which clients have to trust."""

    server: Path
    """Certificate and private key of the listener; only its owner can read the file."""


def make(folder: Path, host: str) -> Certificates:
    """Create an authority and a host certificate signed by it. The authority's private key is never written."""
    import trustme  # optional dependency: `extra.check` reports when it is missing

    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="trainup simulator")
    server = authority.issue_cert(host, f"*.blob.{host}", *ADDRESSES, common_name=host)
    files = Certificates(folder / "authority.pem", folder / "server.pem")
    authority.cert_pem.write_to_path(files.authority)
    files.server.touch(mode=0o600)
    server.private_key_and_cert_chain_pem.write_to_path(files.server)
    return files
