"""Resolves data URIs to blobs, and copies files between blobs and folders."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.storage import Blob, md5_of

_STORE = re.compile(r"azureml://(?:subscriptions/.*?/)?datastores/(?P<store>[^/]+)(?:/paths)?/?(?P<path>.*)")
_JOB = re.compile(r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?/?(?P<path>.*)")
_ASSET = re.compile(r"(?:azureml:)?(?P<id>/subscriptions/.+/(?:data|models)/[^/]+/versions/[^/]+)")


class Unreachable(Exception):
    """A URI refers to nothing in the simulated Azure; the message names it and the reason."""


@dataclass(frozen=True)
class BlobPath:
    """A blob, or a folder of blobs."""

    account: str
    container: str
    path: str

    def find(self, azure: Azure) -> list[tuple[str, Blob]]:
        """The blobs with their paths below the folder; for a single blob, its path is empty."""
        if blob := azure.storage.get(self.account, self.container, self.path):
            return [("", blob)]
        prefix = f"{self.path.rstrip('/')}/" if self.path else ""
        blobs = azure.storage.list(self.account, self.container, prefix)
        return [(name[len(prefix) :], blob) for name, blob in blobs]


def resolve(azure: Azure, uri: str, workspace: str = "") -> BlobPath:
    """The blobs of a URI: of a datastore, a job's output, an asset id, or a blob URL. Raises Unreachable."""
    if match := _ASSET.fullmatch(uri):
        asset = azure.find(match["id"])
        if asset is None:
            raise Unreachable(f"there is no {uri}")
        inner = shape.get(asset, "properties.dataUri") or shape.get(asset, "properties.modelUri")
        return resolve(azure, str(inner), match["id"].split("/data/")[0].split("/models/")[0])
    if match := _JOB.fullmatch(uri):
        job = azure.find(f"{workspace}/jobs/{match['job']}")
        inner = shape.get(job, f"properties.outputs.{match['output']}.uri")
        if not inner:
            raise Unreachable(f"the job {match['job']!r} has no output {match['output']!r}")
        return _below(resolve(azure, str(inner), workspace), match["path"])
    if match := _STORE.fullmatch(uri):
        store = azure.find(f"{workspace}/datastores/{match['store']}")
        account, container = (shape.get(store, f"properties.{name}") for name in ("accountName", "containerName"))
        if not account or not container:
            raise Unreachable(f"there is no datastore {match['store']!r} of blobs in the workspace")
        return BlobPath(account, container, match["path"].strip("/"))
    return _of_url(azure, uri)


def _of_url(azure: Azure, uri: str) -> BlobPath:
    parts = urlsplit(uri)
    host, path = parts.hostname or "", unquote(parts.path).strip("/")
    own = urlsplit(azure.endpoints.resource_manager)
    if parts.scheme == "wasbs" and parts.username:
        return BlobPath(host.split(".")[0], parts.username, path)
    if parts.scheme == "https" and ".blob." in host:
        container, _, rest = path.partition("/")
        return BlobPath(host.split(".")[0], container, rest)
    if parts.scheme == "https" and parts.netloc == own.netloc and path.count("/"):
        account, container, *inner = path.split("/", 2)
        return BlobPath(account, container, inner[0] if inner else "")
    raise Unreachable(f"{uri} lies outside of this Azure, and a rehearsal reaches nothing else")


def _below(location: BlobPath, path: str) -> BlobPath:
    return BlobPath(location.account, location.container, f"{location.path.rstrip('/')}/{path.strip('/')}".strip("/"))


def download(azure: Azure, uri: str, target: Path, workspace: str = "") -> Path:
    """Copy the blobs of a URI into a folder; returns the folder, or the file for one blob. Raises Unreachable."""
    blobs = resolve(azure, uri, workspace).find(azure)
    if not blobs:
        raise Unreachable(f"there is nothing at {uri}")
    target.mkdir(parents=True, exist_ok=True)
    for name, blob in blobs:
        path = target / (name or Path(urlsplit(uri).path).name)
        if not path.resolve().is_relative_to(target.resolve()):
            raise Unreachable(f"{uri} holds the name {name!r}, which leads out of its folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(blob.path, path)
        if blobs[0][0] == "":
            return path
    return target


def upload(azure: Azure, source: Path, location: BlobPath) -> None:
    """Upload the files below a folder; blobs with equal content are left unchanged."""
    for path in sorted(source.rglob("*")):
        if not path.is_file():
            continue
        name = f"{location.path.rstrip('/')}/{path.relative_to(source).as_posix()}".lstrip("/")
        old = azure.storage.get(location.account, location.container, name)
        if old is None or old.size != path.stat().st_size or not _is_copy(old, path):
            azure.storage.put(location.account, location.container, name, path)


def _is_copy(blob: Blob, path: Path) -> bool:
    """Whether a blob has the content of a file. Times are not compared, because the clock may be set back."""
    with path.open("rb") as file:
        return blob.md5 == md5_of(file)
