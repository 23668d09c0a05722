"""The commands of the Makefile in a checkout of its own: what they leave of the user's files, and to whom."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine.conftest import toolchain_environment
from tests.support import processes
from tests.support.checkout import Checkout
from trainup.toolchain.keys import PUBLIC_PASSPHRASE, PUBLIC_SALT

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TOKEN = "-".join(("planted", "by", "make"))  # so that this file does not hold it
SCRIPT = f'import os\nassert os.environ.get("TOKEN", "{TOKEN}") == "{TOKEN}"\nprint("trained")\n'
FILE = """\
# Mine: blanks, comments and quotes stay as they are.
config:
  trainup:workspace:   {tracking: none}   # no pages
  trainup:runs:
    tiny: {source: code, script: main.py, wait: true}
"""
SECRET = FILE.replace("wait: true}", "secrets: [TOKEN]}")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path, toolchain_environment())
    (made.folder / "code").mkdir()
    (made.folder / "code" / "main.py").write_text(SCRIPT)
    made.file.write_text(FILE)
    yield made
    processes.kill(processes.of(made.folder))


def readable(folder: Path) -> list[Path]:
    """What others may read of a folder."""
    return [path for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def test_a_life_of_local_stacks_from_the_first_command_to_their_removal(checkout: Checkout) -> None:
    first = checkout.make("up")
    assert "trained" in first
    assert checkout.file.read_text() == FILE
    word = (checkout.data / "trainup" / "passphrase").read_text().strip()
    assert readable(checkout.data / "trainup") == []
    assert readable(checkout.folder / ".trainup" / "backend") == []
    assert "created" not in checkout.make("up")

    # A second stack, before and after anybody has made it.
    second = checkout.folder / "Pulumi.second.yaml"
    second.write_text(FILE)
    checkout.make("stack", "STACK=second")
    assert "trained" in checkout.make("up", "STACK=second")
    assert second.read_text() == FILE

    # A shell.
    assert "created" not in checkout.shell("pulumi up --yes --non-interactive && pulumi preview --expect-no-changes")
    assert "tiny" in checkout.shell("trainup runs")
    assert "tiny" in checkout.shell("pulumi preview --stack second && trainup runs --stack second")
    assert (checkout.file.read_text(), second.read_text()) == (FILE, FILE)

    # A secret is the user's own.
    checkout.file.write_text(SECRET)
    checkout.shell(f"printf {TOKEN} | pulumi config set --secret trainup:TOKEN")
    assert "encryptionsalt" in checkout.file.read_text()
    assert "trained" in checkout.make("up")
    assert "created" not in checkout.make("up")
    public = {"PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE, "PULUMI_BACKEND_URL": backend(checkout)}
    command = (checkout.cli, "config", "get", "trainup:TOKEN", "--stack", "local")
    assert "incorrect passphrase" in checkout.run(*command, code=1, **public)
    assert checkout.run(*command, **{**public, "PULUMI_CONFIG_PASSPHRASE": word}) == f"{TOKEN}\n"
    told = [path for path in checkout.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert {path.name for path in told} <= {"main.py"}

    # What Pulumi removes.
    checkout.make("destroy")
    checkout.shell("pulumi stack rm local --yes")
    assert not checkout.file.exists()
    for command in ("up", "preview", "refresh", "destroy", "unlock"):
        text = checkout.make(command, code=2)
        assert "trainup: there is no Pulumi.local.yaml" in text
        assert "git checkout -- Pulumi.local.yaml" in text
    for command in ("runs", "output", "ui"):
        assert "no stack" in checkout.make(command, code=2)
    assert checkout.run("python3", "src/trainup/toolchain", "run", "true") == ""
    checkout.shell("pulumi stack ls")
    assert "created" not in checkout.make("up", "STACK=second")
    checkout.shell("pulumi stack rename third --stack second")
    assert "trainup: there is no Pulumi.second.yaml" in checkout.make("up", "STACK=second", code=2)
    assert "tiny" in checkout.make("runs", "STACK=third")
    checkout.file.write_text(FILE)
    assert "1 created" not in checkout.make("up")
    checkout.make("destroy")
    checkout.make("destroy", "STACK=third", "ARGS=--remove")
    assert "trainup: there is no Pulumi.third.yaml" in checkout.make("up", "STACK=third", code=2)


def backend(checkout: Checkout) -> str:
    return (checkout.folder / ".trainup" / "backend").as_uri()


def test_a_stack_of_an_earlier_version_is_taken_over_with_its_secrets_and_nothing_trains_again(
    checkout: Checkout,
) -> None:
    checkout.file.write_text(f"{SECRET}encryptionsalt: {PUBLIC_SALT}\n")
    (checkout.folder / ".trainup" / "backend").mkdir(parents=True)
    checkout.make("setup")
    before = {"PULUMI_CONFIG_PASSPHRASE": PUBLIC_PASSPHRASE, "PULUMI_BACKEND_URL": backend(checkout)}
    before["PATH"] = os.pathsep.join([str(checkout.folder / ".venv" / "bin"), checkout.environment["PATH"]])
    for words in (
        ["stack", "init", "--no-select", "local"],
        ["config", "set", "--secret", "--stack", "local", "trainup:TOKEN", TOKEN],
        ["up", "--yes", "--non-interactive", "--stack", "local"],
    ):
        text = checkout.run(checkout.cli, *words, **before)
    assert "trained" in text

    taken = checkout.make("up")
    assert "trained" not in taken
    assert "created" not in taken
    assert "have your own now" in taken
    assert PUBLIC_SALT not in checkout.file.read_text()
    assert readable(checkout.folder / ".trainup" / "backend") == []
    states = [path for path in (checkout.folder / ".trainup" / "backend").rglob("*") if path.is_file()]
    assert [path for path in states if PUBLIC_SALT.encode() in path.read_bytes()] == []
    assert checkout.shell("pulumi config get trainup:TOKEN").endswith(f"{TOKEN}\n")
    assert "created" not in checkout.shell("pulumi up --yes --non-interactive")
    checkout.make("destroy")


def test_a_stack_of_many_runs_saves_its_state_once_and_forgets_none_of_them(checkout: Checkout) -> None:
    gate = checkout.folder.parent / "gate"
    os.mkfifo(gate)
    script = "import signal, sys\nopen(sys.argv[1], 'w').close()\nsignal.pause()\n"
    (checkout.folder / "code" / "main.py").write_text(script)
    # The engine could not start our plugin with so many settings.
    words = ", ".join(f"x{'0' * 2_000}" for _ in range(5))
    runs = [
        f"run{n}: {{wait: true, source: code, script: main.py, arguments: ['{gate}', run{n}, {words}]}}"
        for n in range(20)
    ]
    lines = ["config:", "  trainup:workspace: {tracking: none}", "  trainup:runs:", *(f"    {run}" for run in runs)]
    checkout.file.write_text("\n".join([*lines, ""]))
    up = subprocess.Popen(
        ["make", "up"],
        cwd=checkout.folder,
        env=checkout.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    gate.read_bytes()  # until a run has begun
    cli = psutil.Process(up.pid).children()
    os.killpg(up.pid, signal.SIGKILL)
    up.wait()
    psutil.wait_procs(cli)
    state = next(checkout.folder.glob(".trainup/backend/.pulumi/stacks/*/local.json"))
    assert "trainup:index:Run" not in state.read_text()
    assert "ended, which a killed `up` had begun: run" in checkout.make("destroy")
    assert processes.left(checkout.folder) == []
    assert not list(checkout.folder.glob(".trainup/local/slots/*"))
