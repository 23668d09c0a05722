"""A log that grows, is cut short, moves and begins again, read piece by piece."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainup.jobs.azure.http.blobs import Blobs, Piece
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job import log
from trainup.jobs.azure.job.log import AGAIN, LogReader, label, tail
from trainup.jobs.masking import Mask

ONE = "user_logs/std_log.txt"


class Storage(Blobs):
    """Blobs as a service without mercy gives them out."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.read_bytes = 0
        self.short: Callable[[int], int] = lambda length: length
        self.failures = 0

    def read(self, url: str, start: int, length: int) -> Piece | None:
        if self.failures:
            self.failures -= 1
            raise AzureError("reset", 403)
        if url not in self.blobs:
            return None
        whole = self.blobs[url]
        if start >= len(whole):
            return Piece(b"", start, len(whole))
        data = whole[start : start + self.short(min(length, len(whole) - start))]
        self.read_bytes += len(data)
        return Piece(data, start, len(whole))


def reader(storage: Storage, *secrets: str) -> LogReader:
    return LogReader(storage, Mask(secrets))


def to_the_end(read: LogReader) -> list[str]:
    """What whoever follows a run that has ended hears of it."""
    lines, before = read.read(files(ONE), ended=True), -1
    while read.position > before:
        before = read.position
        lines += read.read(files(ONE), ended=True)
    return lines


def files(*paths: str) -> dict[str, str]:
    return {path: path for path in paths}


@pytest.mark.parametrize(
    ("path", "mark"),
    [
        (ONE, ""),
        ("user_logs/std_log_process_0.txt", "[0] "),
        ("user_logs/std_log_process_00.txt", "[0] "),
        ("user_logs/std_log_process_12.txt", "[12] "),
        ("user_logs/std_log_process_00_ps.txt", "[ps 0] "),
        ("azureml-logs/20_image_build_log.txt", "[image build] "),
        ("system_logs/cs_capability/cs-capability.log", None),
        ("user_logs/std_log.txt.bak", None),
    ],
)
def test_a_file_is_known_by_its_name(path: str, mark: str | None) -> None:
    assert label(path) == mark


def test_there_is_no_log_before_there_is_one() -> None:
    assert reader(Storage()).read(files(ONE), ended=False) == []


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 50))
def test_however_a_log_grows_each_line_is_told_once(pieces: list[bytes], most: int) -> None:
    storage = Storage()
    storage.short = lambda length: min(length, most)
    read, lines = reader(storage), []
    storage.blobs[ONE] = b""
    for piece in pieces:
        storage.blobs[ONE] += piece.replace(b"\r", b".")
        lines += read.read(files(ONE), ended=False)
    lines += to_the_end(read)
    whole = storage.blobs[ONE].decode("utf-8", "replace")
    assert lines == whole.split("\n")[: whole.count("\n") + (not whole.endswith("\n") and bool(whole))]


def test_an_unfinished_line_is_told_when_the_run_has_ended() -> None:
    storage = Storage()
    storage.blobs[ONE] = b"one\ntw"
    read = reader(storage)
    assert read.read(files(ONE), ended=False) == ["one"]
    storage.blobs[ONE] += b"o"
    assert read.read(files(ONE), ended=True) == ["two"]


def test_the_lines_of_all_processes_are_told_each_with_its_rank() -> None:
    storage = Storage()
    paths = ["user_logs/std_log_process_0.txt", "user_logs/std_log_process_1.txt"]
    storage.blobs = {paths[0]: b"a\n", paths[1]: b"b\n"}
    assert reader(storage).read(files(*paths), ended=False) == ["[0] a", "[1] b"]


def test_a_log_that_is_written_anew_is_told_from_its_beginning() -> None:
    storage = Storage()
    storage.blobs[ONE] = b"".join(b"first life %d\n" % number for number in range(30)) + b"half"
    read = reader(storage)
    assert len(read.read(files(ONE), ended=False)) == 30
    storage.blobs[ONE] = b"second life\n"
    assert read.read(files(ONE), ended=False) == ["half", AGAIN, "second life"]


def test_a_new_log_that_is_already_longer_is_noticed_as_well() -> None:
    storage = Storage()
    storage.blobs[ONE] = b"first life\n" * 20
    read = reader(storage)
    read.read(files(ONE), ended=False)
    storage.blobs[ONE] = b"second life\n" * 100
    assert read.read(files(ONE), ended=False) == [AGAIN, *["second life"] * 100]


def test_a_log_that_is_gone_for_a_while_is_gone_on_with() -> None:
    storage = Storage()
    storage.blobs[ONE] = b"one\n"
    read = reader(storage)
    read.read(files(ONE), ended=False)
    kept = storage.blobs.pop(ONE)
    assert read.read(files(ONE), ended=False) == []
    storage.blobs[ONE] = kept + b"two\n"
    assert read.read(files(ONE), ended=False) == ["two"]


def test_what_was_read_before_an_error_is_told_after_it() -> None:
    storage = Storage()
    paths = ["user_logs/std_log_process_0.txt", "user_logs/std_log_process_1.txt"]
    storage.blobs = {paths[0]: b"a\n", paths[1]: b"b\n"}
    read = reader(storage)

    class Failing(Storage):
        def read(self, url: str, start: int, length: int) -> Piece | None:
            if url == paths[1]:
                raise AzureError("expired", 403)
            return storage.read(url, start, length)

    read._blobs = Failing()
    with pytest.raises(AzureError):
        read.read(files(*paths), ended=False)
    read._blobs = storage
    assert read.read(files(*paths), ended=False) == ["[0] a", "[1] b"]


def test_a_progress_bar_of_many_pieces_loses_nothing_of_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PIECE", 100)
    storage = Storage()
    storage.blobs[ONE] = b"".join(b"%5d%%\r" % number for number in range(2000)) + b"\nend"
    assert to_the_end(reader(storage)) == [" 1999%", "end"]


def test_storage_that_gives_nothing_of_what_it_has_is_an_error() -> None:
    storage = Storage()
    storage.blobs[ONE] = b"one\ntwo\n"
    storage.short = lambda length: min(length, 4)
    read = reader(storage)
    storage.short = lambda length: 0
    with pytest.raises(AzureError, match="8 more bytes"):
        read.read(files(ONE), ended=True)
    storage.short = lambda length: length
    assert read.read(files(ONE), ended=True) == ["one", "two"]


def test_a_long_log_costs_little_more_than_its_length() -> None:
    storage = Storage()
    read, count = reader(storage), 0
    storage.blobs[ONE] = b""
    for number in range(2000):
        storage.blobs[ONE] += b"epoch %05d  loss 0.1234  accuracy 0.9876  throughput 1234.5 images/s\n" % number
        if number % 10 == 0:
            count += len(read.read(files(ONE), ended=False))
    count += len(read.read(files(ONE), ended=True))
    assert count == 2000
    assert storage.read_bytes <= 1.1 * len(storage.blobs[ONE])


def test_secrets_are_masked_and_progress_bars_are_one_line() -> None:
    storage = Storage()
    storage.blobs[ONE] = b" 10%\r 50%\r100%\ntoken hunter2!\n"
    assert reader(storage, "hunter2!").read(files(ONE), ended=True) == ["100%", "token ***"]


def test_the_tail_is_the_last_lines() -> None:
    storage = Storage()
    storage.blobs[ONE] = b"".join(b"line %d\n" % number for number in range(5000)) + b"end"
    told = tail(storage, files(ONE), 3)
    assert told == ["line 4998", "line 4999", "end"]


def test_the_tail_of_several_processes_has_some_of_each() -> None:
    storage = Storage()
    paths = [f"user_logs/std_log_process_{rank}.txt" for rank in range(4)]
    storage.blobs = {path: b"".join(b"line %d\n" % number for number in range(50)) for path in paths}
    told = tail(storage, files(*paths), 20)
    assert {line.split()[0] for line in told} == {"[0]", "[1]", "[2]", "[3]"}
    assert told[4] == "[0] line 49"
