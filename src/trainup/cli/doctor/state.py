"""Where the state of the stack lies, what encrypts its secrets, and what an earlier command left behind."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from trainup.cli.doctor.finding import Finding, Patient, error, ok, warning
from trainup.cli.doctor.network import without_login
from trainup.core.status import Status
from trainup.jobs.local import reading
from trainup.jobs.local.workspace import Workspace
from trainup.toolchain import backends, ciphers, environment, holders, passphrase, projects, pulumi_cli, stack_files
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.holders import Life
from trainup.toolchain.paths import is_writable

CLOUD = ("http://", "https://")
VARIABLES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
BACKEND_SECONDS = 15


def _address(patient: Patient) -> str:
    """The backend, as `up` will use it."""
    return environment.backend(patient.variables) or (patient.root / ".trainup" / "backend").as_uri()


def location_of(patient: Patient) -> StateLocation | None:
    """Where the state lies, if the backend is a folder."""
    return backends.locate(_address(patient), projects.read(patient.root).name, patient.stack)


def backend(patient: Patient) -> Iterator[Finding]:
    """Whether the backend can be used."""
    address = _address(patient)
    shown = without_login(address)
    tried = f"the state's backend {shown}"
    if place := location_of(patient):
        if is_writable(place.root):
            yield ok(tried, "can be written")
        else:
            yield error(tried, "the folder cannot be written", f"chmod u+w {place.root}; or `pulumi login` to another")
        return
    cli = pulumi_cli.for_reading()
    if cli is None:
        yield warning(tried, "cannot be tried without a Pulumi CLI", "trainup setup")
        return
    words = [str(cli.path), "whoami", "--non-interactive"]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=BACKEND_SECONDS, env=patient.variables, check=False
        )
    except subprocess.TimeoutExpired:
        yield error(tried, f"does not answer within {BACKEND_SECONDS} s", f"pulumi login {shown}")
        return
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed"])[-1].removeprefix("error: ")
        yield error(tried, said, f"pulumi login {shown}")
    else:
        yield ok(tried, f"lets {done.stdout.strip()} in")


def secrets(patient: Patient) -> Iterator[Finding]:
    """Whether there is what encrypts and decrypts the stack's secrets."""
    file = stack_files.read(projects.read(patient.root), patient.stack)
    tried = f"the key of the secrets in {file.path.name}"
    given = {name: patient.variables.get(name, "") for name in VARIABLES}
    if file.has_provider:
        yield ok(tried, f"{(file.value(stack_files.PROVIDER) or '').split('?')[0]} has it; `up` asks there")
    elif _address(patient).startswith(CLOUD) and not file.salt:
        yield ok(tried, "the backend has it")
    elif given[VARIABLES[1]] and not Path(given[VARIABLES[1]]).is_file():
        name, path = VARIABLES[1], given[VARIABLES[1]]
        yield error(tried, f"{name} names {path}, which is no file", f"export {name}=<file with the passphrase>")
    elif word := given[VARIABLES[0]] or _word(given[VARIABLES[1]]) or (_own() if file.is_local else ""):
        if file.salt and ciphers.cipher_of(word, file.salt) is None:
            yield error(tried, "another passphrase encrypts them", f"export {VARIABLES[0]}=<the stack's passphrase>")
        else:
            yield ok(tried, "there is a passphrase")
    elif file.is_local:
        yield ok(tried, "the first `up` makes a passphrase")
    else:
        mend = f"export {VARIABLES[1]}=<file with a passphrase>; or `trainup stack {patient.stack} azurekeyvault://…`"
        yield error(tried, "there is no passphrase", mend)


def _word(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip() if path else ""


def _own() -> str:
    path = passphrase.find()
    return passphrase.read(path) if path else ""


def leftovers(patient: Patient) -> Iterator[Finding]:
    """Locks and supervisors of commands that were cut off."""
    tried = f"what earlier commands left of stack {patient.stack!r}"
    found = False
    place = location_of(patient)
    for lock in place.locks if place else ():
        try:
            holder = json.loads(lock.read_text())
            host, pid = str(holder["hostname"]), int(holder["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        assert place is not None
        found = True
        life = holders.judge(place, pid, host)
        if life is Life.ALIVE:
            yield warning(tried, f"process {pid} is at work on it", "wait for its end")
        else:
            what = "is gone" if life is Life.DEAD else f"may be gone: it is {life.value}, on {host}"
            yield warning(tried, f"process {pid}, which locked it, {what}", f"trainup unlock --stack {patient.stack}")
    for text in _broken_records(patient):
        found = True
        yield warning(tried, text, f"trainup runs --stack {patient.stack}; the next `up` starts such a run again")
    if not found:
        yield ok(tried, "nothing")


def _broken_records(patient: Patient) -> list[str]:
    """What is wrong with records of local runs: unreadable, or the last of a run and without a supervisor."""
    if not patient.is_local:
        return []
    own = getattr(getattr(patient.settings, "workspace", None), "path", None)
    folder = patient.root / (own or f".trainup/{patient.stack}")
    if not folder.is_dir():
        return []
    records, problems = reading.readable(Workspace(folder, patient.root))
    last = {record.run: record for record in sorted(records, key=lambda record: (record.number or 0, record.attempt))}
    lost = [record.name for record in last.values() if record.status is Status.NOT_RESPONDING]
    return [*map(str, problems), *(f"nothing watches over {name} any more" for name in lost)]
