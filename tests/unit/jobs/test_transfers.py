"""Transfers of files: several at once, and progress now and then."""

import threading

import pytest

from trainup.jobs.transfers import EVERY, Transfer, side_by_side


def test_progress_is_told_at_the_start_and_then_now_and_then() -> None:
    told: list[str] = []
    now = [0.0]
    transfer = Transfer("uploading pets", [3 * 1024**2, 1024**2], told.append, lambda: now[0])
    for _ in range(4):
        transfer.moved(1024**2)
        now[0] += EVERY / 2
    transfer.moved(1024**2)  # a request that is repeated sends its bytes again
    assert told == [
        "uploading pets: 2 files, 4.0 MB",
        "uploading pets: 3.0 of 4.0 MB",
        "uploading pets: 4.0 of 4.0 MB",
    ]


def test_one_file_is_one_file() -> None:
    told: list[str] = []
    Transfer("uploading the code", [10], told.append)
    assert told == ["uploading the code: 1 file, 0.0 MB"]


def test_several_are_at_work_and_results_are_in_order() -> None:
    both = threading.Barrier(2, timeout=30)

    def meet(number: int) -> int:
        both.wait()
        return number

    assert side_by_side(meet, range(4), 2) == [0, 1, 2, 3]


def test_after_an_error_no_other_is_begun() -> None:
    begun: list[int] = []

    def refuse(number: int) -> None:
        begun.append(number)
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        side_by_side(refuse, range(100), 1)
    assert len(begun) < 100
