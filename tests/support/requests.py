"""Requests to an endpoint, one and many."""

import json
import threading
import urllib.error
import urllib.request
from typing import Any


def post(url: str, data: bytes) -> tuple[int, Any]:
    """The status and the answer, parsed."""
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


class Callers:
    """Threads that send the same request again and again."""

    def __init__(self, url: str, threads: int = 3, data: bytes = b'{"data": [2]}') -> None:
        self.answers: list[Any] = []
        self._url, self._data, self._over = url, data, threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(threads)]

    def _call(self) -> None:
        while not self._over.is_set():
            try:
                self.answers.append(post(self._url, self._data))
            except OSError as error:
                self.answers.append(error)

    def __enter__(self) -> "Callers":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()
