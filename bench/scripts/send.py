"""Send one request to an address again and again, and print what came of it as JSON: `failed`, and milliseconds each.

With `--seconds` some connections send their next request once they have an answer. With `--rate` requests are sent so
many times a second, whatever the answers take, until standard input ends; their time counts from when they were due.
"""

import argparse
import http.client
import itertools
import json
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

CONNECTIONS = 4
WAITING = 64
"""How many requests may be under way at a rate."""
SECONDS = 30.0


class Sender:
    """Sends the request, and remembers what came of it."""

    def __init__(self, url: str, body: bytes) -> None:
        self._url, self._body = urllib.parse.urlsplit(url), body
        self.failed: list[str] = []
        self.milliseconds: list[float] = []

    def send_at(self, moments: Iterator[float]) -> None:
        """Send one at each moment of the monotonic clock."""
        connection = http.client.HTTPConnection(self._url.netloc, timeout=SECONDS)
        for moment in moments:
            try:
                connection.request("POST", self._url.path, self._body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != http.HTTPStatus.OK:
                    self.failed.append(f"{answer.status} {content[:100]!r}")
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
            self.milliseconds.append((time.monotonic() - moment) * 1000)
        connection.close()


def at_once(end: float) -> Iterator[float]:
    """Now, until the end."""
    while (now := time.monotonic()) < end:
        yield now


def at_a_rate(rate: float, numbers: Iterator[int], start: float, over: threading.Event) -> Iterator[float]:
    """When the next request is due, of those that all threads share, until it is over."""
    for number in numbers:
        due = start + number / rate
        if over.wait(max(0.0, due - time.monotonic())):
            return
        yield due


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("body", type=Path, help="file with the body of the request")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--seconds", type=float)
    how.add_argument("--rate", type=float)
    words = parser.parse_args()
    sender, over, start = Sender(words.url, words.body.read_bytes()), threading.Event(), time.monotonic()
    if words.seconds:
        moments = [at_once(start + words.seconds) for _ in range(CONNECTIONS)]
    else:
        numbers = itertools.count()  # taking the next one is a single step of the interpreter
        moments = [at_a_rate(words.rate, numbers, start, over) for _ in range(WAITING)]
    threads = [threading.Thread(target=sender.send_at, args=(one,)) for one in moments]
    for one in threads:
        one.start()
    if words.rate:
        sys.stdin.read()
        over.set()
    for one in threads:
        one.join()
    result = {"failed": sender.failed, "milliseconds": sender.milliseconds, "seconds": time.monotonic() - start}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
