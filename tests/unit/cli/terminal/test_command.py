"""A command whose display gets lost goes on to its end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLI = """\
#!{python}
import json, pathlib, sys
events = open(sys.argv[sys.argv.index("--event-log") + 1], "w")
for number in range(3000):
    print(json.dumps(dict(diagnosticEvent=dict(message=f"line {{number}}", severity="info"))), file=events, flush=True)
pathlib.Path({done!r}).touch()
"""
COMMAND = """\
import os, sys
from trainup.cli.terminal import command
become = lambda words, variables: os.execve(words[0], words, variables)
sys.exit(command.run(sys.argv[1], ["up", "--yes"], os.environ, become, quiet=False, logs=""))
"""


@pytest.mark.parametrize("output", ["a pipe without a reader", "/dev/full"])
def test_an_update_goes_on_where_its_output_cannot_be_written(tmp_path: Path, output: str) -> None:
    if output.startswith("/") and not Path(output).exists():
        pytest.skip("this system has no /dev/full")
    cli, done = tmp_path / "pulumi", tmp_path / "done"
    cli.write_text(CLI.format(python=sys.executable, done=str(done)))
    cli.chmod(0o755)
    if output.startswith("/"):
        writing = os.open(output, os.O_WRONLY)
    else:
        reading, writing = os.pipe()
        os.close(reading)
    try:
        words = [sys.executable, "-c", COMMAND, str(cli)]
        ended = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(writing)
    assert (ended.returncode, done.exists()) == (0, True), ended.stderr
    assert ended.stderr.count("is not shown any more") == 1
    assert "Traceback" not in ended.stderr
