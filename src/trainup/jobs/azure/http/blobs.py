"""Blobs in Azure Storage, by signed URLs or with a token."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree import ElementTree

from trainup.jobs.azure.http.client import AzureClient, AzureError

VERSION = "2022-11-02"
"""Version of the storage REST API; since it, one request can upload a blob of up to 5000 MiB."""
PIECE = 8 << 20
META = "x-ms-meta-"
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")


@dataclass(frozen=True)
class Piece:
    """A part of a blob."""

    data: bytes
    start: int
    total: int | None
    """Size of the whole blob in bytes; None if the service did not say."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Lower-case name → value; empty if the service sent none."""


@dataclass(frozen=True)
class Blob:
    """One entry in a list of blobs."""

    name: str
    size: int
    modified: float
    """Time of the last change, in seconds since the epoch."""
    md5: str = ""
    """MD5 of the content in base64, if the storage knows it."""


class Blobs:
    """Requests to blobs. With `signed`, URLs carry a signature; `by_token` reads where it is missing or refused."""

    def __init__(
        self, client: AzureClient, *, signed: bool = True, by_token: "Callable[[], Blobs] | None" = None
    ) -> None:
        self._client, self._signed, self._by_token = client, signed, by_token

    def put(self, url: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Upload a blob with its metadata in one atomic request. Raises AzureError."""
        md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        headers = {"x-ms-blob-type": "BlockBlob", "Content-MD5": md5, "Content-Type": "application/octet-stream"}
        headers |= {f"{META}{key}": value for key, value in (metadata or {}).items()}
        # Without this header, empty content would be sent without a length, which Azure refuses.
        self._send("PUT", url, headers | {"Content-Length": str(len(data))}, data)

    def put_file(self, url: str, file: BinaryIO) -> None:
        """Like `put`, but stream the content from an open file. Raises AzureError."""
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        file.seek(0)
        self._send("PUT", url, headers, file)

    def read(self, url: str, start: int, length: int) -> Piece | None:
        """Read at most `length` bytes from the offset `start`; None if there is no blob. Raises AzureError.

        A piece is empty if the blob ends before `start`. The service may return less than `length`: read on from there.
        """
        if self._by_token and not _is_signed(url):  # a private blob may be answered 404 without any authorization
            return self._by_token().read(url, start, length)
        headers = {"Range": f"bytes={start}-{start + length - 1}", "x-ms-version": VERSION}
        allowed = (404, 416) if self._by_token is None else (401, 403, 404, 409, 416)
        response = self._client.send("GET", url, version="", headers=headers, signed=self._signed, allowed=allowed)
        if self._by_token and response.status_code in (401, 403, 409):
            return self._by_token().read(without_query(url), start, length)
        if response.status_code == 404:
            return None
        content_range = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        total = int(content_range[3]) if content_range else None
        own = {name.lower(): text for name, text in response.headers.items()}
        metadata = {name.removeprefix(META): text for name, text in own.items() if name.startswith(META)}
        if response.status_code == 416:
            return Piece(b"", start, total)
        if response.status_code == 200:  # the service ignored the range
            return Piece(response.content[start : start + length], start, len(response.content), metadata)
        return Piece(
            response.content, int(content_range[1]) if content_range and content_range[1] else start, total, metadata
        )

    def pieces(self, url: str, start: int = 0) -> Iterator[bytes]:
        """Read a blob from the offset `start` to its end, piece by piece; nothing if there is no blob."""
        while piece := self.read(url, start, PIECE):
            start += len(piece.data)
            if not piece.data and start < (piece.total or 0):
                raise AzureError(f"the storage returned only {start} of {piece.total} bytes of {urlsplit(url).path}")
            if piece.data:
                yield piece.data
            if not piece.data or start == piece.total:
                return

    def names(self, container: str, prefix: str) -> Iterator[Blob]:
        """All blobs of a container whose names have a prefix. Raises AzureError."""
        marker = ""
        while True:
            query = f"restype=container&comp=list&prefix={quote(prefix, safe='')}&marker={quote(marker, safe='')}"
            page = ElementTree.fromstring(self._send("GET", with_query(container, query), {}).decode("utf-8-sig"))
            for blob in page.iter("Blob"):
                facts = ("Content-Length", "Last-Modified", "Content-MD5")
                size, modified, md5 = (blob.findtext(f"Properties/{fact}") for fact in facts)
                seconds = parsedate_to_datetime(modified).timestamp() if modified else 0.0
                yield Blob(blob.findtext("Name") or "", int(size or 0), seconds, md5 or "")
            if not (marker := page.findtext("NextMarker") or ""):
                return

    def delete(self, url: str) -> None:
        """Delete a blob; a missing blob is no error. Raises AzureError."""
        self._client.send("DELETE", url, version="", headers=_VERSION, signed=self._signed, allowed=(404,))

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None = None
    ) -> bytes:
        headers = {**headers, **_VERSION}
        response = self._client.send(method, url, version="", headers=headers, content=content, signed=self._signed)
        return response.content


_VERSION = {"x-ms-version": VERSION}


def below(container: str, path: str) -> str:
    """The URL of a blob, with the signature of the container's URL if it has one."""
    parts = urlsplit(container)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(path)}"))


def with_query(url: str, query: str) -> str:
    """The URL with further query parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (query, parts.query)))))


def _is_signed(url: str) -> bool:
    return any(part.startswith("sig=") for part in urlsplit(url).query.split("&"))


def without_query(url: str) -> str:
    """The URL without its query, and so without a signature."""
    return urlunsplit(urlsplit(url)._replace(query=""))


__all__ = ["AzureError", "Blob", "Blobs", "Piece", "below", "with_query", "without_query"]
