"""Processes of trainup's own that somebody has suspended have to go on before they can end."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from trainup.jobs.local import processes


def test_a_process_goes_on_though_it_is_not_yet_said_to_be_suspended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was suspended a moment before was still said to sleep, was not resumed, and then stopped."""
    words = ["sh", "-c", "read line; echo $line", str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as echo:
        echo.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, echo.pid, os.WSTOPPED)
        monkeypatch.setattr(psutil.Process, "status", lambda _: psutil.STATUS_SLEEPING)
        processes.let_go_on(*words)
        try:
            assert echo.communicate("it goes on\n", timeout=10)[0] == "it goes on\n"
        finally:
            echo.kill()
