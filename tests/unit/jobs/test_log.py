"""From what a command prints to whole lines."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainup.jobs.lines import MAX_LINE, LineCleaner
from trainup.jobs.local import log
from trainup.jobs.local.log import LogPump, read_lines, rebuild, tail
from trainup.jobs.local.workspace import RunFolder
from trainup.jobs.masking import Mask

SECRETS = ["hunter2!", "s3cret-token"]
PIECES = st.sampled_from([b"a", b"epoch 1", b"\r", b"\n", b"\r\n", b"\xff\xfe", "é".encode(), b"hunter2!", b"hunt"])
OUTPUT = st.lists(PIECES | st.binary(max_size=8), max_size=30).map(b"".join)


def run_folder(path: Path) -> RunFolder:
    run = RunFolder(path)
    run.logs.mkdir()
    return run


def _clean(data: bytes, *cuts: int, secrets: list[str] = SECRETS) -> bytes:
    cleaner, result, start = LineCleaner(Mask(secrets)), b"", 0
    for cut in (*sorted(cuts), len(data)):
        result += cleaner.feed(data[start:cut])
        start = cut
    return result + cleaner.finish()


@given(OUTPUT, st.lists(st.integers(0, 300)))
def test_the_lines_do_not_depend_on_how_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    assert _clean(data, *cuts) == _clean(data)


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([b"x" * 40_000, b"x" * MAX_LINE, b"y", b"\r", b"\n", b"hunter2!"]), max_size=8),
    st.lists(st.integers(0, 300_000), max_size=5),
)
def test_long_lines_do_not_depend_on_how_the_bytes_arrive_either(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    assert _clean(data, *cuts) == _clean(data)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)))
def test_every_line_appears_exactly_once(lines: list[str]) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    assert _clean(data, *range(len(data)), secrets=[]) == data


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"10%\r50%\r100%\ndone\n", b"100%\ndone\n"),
        (b"10%\r100%\r\n", b"100%\n"),
        (b"\r\r\r\n", b"\n"),
        (b"one\r\ntwo\r\n", b"one\ntwo\n"),
        (b"no end", b"no end\n"),
        (b"bar 1\rbar 2\r", b"bar 2\n"),
        (b"", b""),
        (b"\n\n", b"\n\n"),
    ],
)
def test_a_line_is_what_a_terminal_would_show_in_the_end(printed: bytes, shown: bytes) -> None:
    assert _clean(printed, *range(len(printed))) == shown


def test_a_progress_bar_of_any_length_is_one_line() -> None:
    bar = b"".join(b"\rstep %6d of 20000" % step for step in range(20_000))
    assert _clean(bar + b"\nend\n", *range(0, len(bar), 1000)) == b"step  19999 of 20000\nend\n"


def test_a_line_without_end_is_broken_so_that_memory_stays_bounded() -> None:
    cleaner = LineCleaner()
    out = b"".join(cleaner.feed(b"x" * 1000) for _ in range(1000))
    assert len(out) > 900_000
    assert max(map(len, out.split(b"\n"))) <= MAX_LINE + 1


@given(st.integers(0, 40), st.integers(0, 60), st.sampled_from(SECRETS))
def test_a_secret_that_arrives_in_two_pieces_is_masked(before: int, cut: int, secret: str) -> None:
    data = b"x" * before + secret.encode() + b" after\n"
    assert _clean(data, cut) == b"x" * before + b"*** after\n"


@settings(max_examples=40)
@given(st.integers(0, 20), st.sampled_from(SECRETS))
def test_a_secret_where_a_long_line_is_broken_is_masked(overlap: int, secret: str) -> None:
    data = b"x" * (MAX_LINE - overlap) + secret.encode() + b"y" * 10 + b"\n"
    shown = _clean(data, MAX_LINE, MAX_LINE + 5)
    assert shown.replace(b"\n", b"") == b"x" * (MAX_LINE - overlap) + b"***" + b"y" * 10


def test_each_line_of_a_secret_is_masked_and_short_ones_are_not() -> None:
    assert _clean(b"begin KEYLINE1\nab KEYLINE2\n", secrets=["KEYLINE1\nKEYLINE2\nab\n"]) == b"begin ***\nab ***\n"


def test_the_longer_of_two_secrets_is_masked_first() -> None:
    assert _clean(b"token-extra token\n", secrets=["token", "token-extra"]) == b"*** ***\n"


@settings(max_examples=30)
@given(data=OUTPUT, cut=st.integers(0, 200), pumped=st.booleans())
def test_a_log_made_again_after_a_kill_equals_the_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int, pumped: bool
) -> None:
    run = run_folder(tmp_path_factory.mktemp("run"))
    raw, clean = run.raw_log, run.log
    raw.write_bytes(data[:cut])
    killed = LogPump(raw, clean, SECRETS)
    if pumped:
        killed.pump()
    seen, position = read_lines(clean, 0)
    killed.close()
    raw.write_bytes(data)
    rebuild(run, SECRETS)
    assert clean.read_bytes() == _clean(data)
    assert not raw.exists()
    rest, _ = read_lines(clean, position)
    assert seen + rest == read_lines(clean, 0)[0]


@settings(max_examples=60)
@given(OUTPUT, st.integers(1, 12), st.integers(0, 200), st.booleans())
def test_a_log_whose_raw_copy_was_given_back_goes_on_from_there(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, step: int, cut: int, moved: bool
) -> None:
    run = run_folder(tmp_path_factory.mktemp("run"))
    run.raw_log.write_bytes(data[:cut])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "STEP", step)
        killed = LogPump(run.raw_log, run.log, SECRETS)
        killed.pump()
        with run.raw_log.open("ab") as more:
            more.write(data[cut:])
        if moved:
            killed.pump()
        killed.close()
        if log.progress_file(run.raw_log).exists():  # what was freed is not to be read again
            progress = log.read_json(log.progress_file(run.raw_log))
            assert progress
            with run.raw_log.open("r+b") as raw:
                raw.write(bytes(progress["raw"]))
        rebuild(run, SECRETS)
    assert run.log.read_bytes() == _clean(data)
    assert list(run.logs.iterdir()) == [run.log]


def test_a_long_log_takes_its_room_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "STEP", 1 << 20)
    run = run_folder(tmp_path)
    lines = b"".join(b"line %d of many\n" % number for number in range(300_000))
    run.raw_log.write_bytes(lines)
    pump = LogPump(run.raw_log, run.log)
    pump.pump()
    pump.close()
    assert run.log.read_bytes() == lines
    status = run.raw_log.stat()
    assert status.st_size == len(lines)
    assert status.st_blocks * 512 <= 2 << 20


def test_a_damaged_note_of_how_far_a_log_has_come_leaves_what_is_there(tmp_path: Path) -> None:
    run = run_folder(tmp_path)
    run.raw_log.write_bytes(b"a\nb\n")
    run.log.write_bytes(b"a\n")
    log.progress_file(run.raw_log).write_text("{")
    rebuild(run)
    assert run.log.read_bytes() == b"a\n"
    assert list(run.logs.iterdir()) == [run.log]


def test_making_a_log_again_twice_changes_nothing(tmp_path: Path) -> None:
    run = run_folder(tmp_path)
    run.raw_log.write_bytes(b"a\n")
    run.raw_ranks.mkdir()
    rebuild(run)
    rebuild(run)
    assert run.log.read_bytes() == b"a\n"
    assert list(run.logs.iterdir()) == [run.log]


def test_a_full_disk_loses_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, clean = tmp_path / ".raw", tmp_path / "log"
    raw.write_bytes(b"one\ntwo\nrest")
    pump = LogPump(raw, clean)
    write = log.os.write

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        pump.pump()
    monkeypatch.setattr(log.os, "write", lambda fd, data: write(fd, data[:1]))
    pump.finish()
    pump.close()
    assert clean.read_bytes() == b"one\ntwo\nrest\n"


@given(st.lists(st.binary(max_size=10).filter(lambda line: b"\n" not in line)), st.integers(8, 64))
def test_reading_from_position_to_position_gives_every_line_once(lines: list[bytes], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(b"".join(line + b"\n" for line in lines) + b"unfinished")
        found: list[str] = []
        position, limit = 0, limit + 11
        while True:
            more, position = read_lines(path, position, limit)
            if not more:
                break
            found += more
    assert found == [line.decode("utf-8", "replace") for line in lines]


@pytest.mark.parametrize("length", [10, 5000, MAX_LINE])
@pytest.mark.parametrize("count", [1, 3])
def test_the_tail_is_never_empty_where_there_is_a_line(tmp_path: Path, length: int, count: int) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{index}{'x' * (length - 1)}\n" for index in range(5)))
    found = tail(path, count)
    assert found[-1][0] == "4"
    assert len(found) <= count
    if length == 10:
        assert [line[0] for line in found] == ["0", "1", "2", "3", "4"][-count:]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert tail(tmp_path / "none", 5) == []
    assert read_lines(tmp_path / "none", 7) == ([], 7)
