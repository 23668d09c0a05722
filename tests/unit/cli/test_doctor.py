"""`trainup doctor`: what is well is told as such, and each thing that is wrong has its finding and the way out."""

import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.azure import visit
from tests.support.golden import matches
from tests.support.sweeps import declaration
from trainup.cli.__main__ import main
from trainup.cli.doctor import azure, command, gpu, machine, network, state, tools
from trainup.cli.doctor.finding import Check, Finding, Level, Machine, Patient, ok
from trainup.cli.doctor.machine import MIB
from trainup.cli.doctor.running import examine
from trainup.jobs.azure.http.connection import client_of
from trainup.simulator.cloud.rights import Granted
from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal
from trainup.toolchain import ciphers, environment, passphrase, pulumi_cli, uv

SUBSCRIPTION = "5ab0f3e2-0000-4000-8000-000000000001"
WELL = Machine(free=90_000 * MIB, memory=8_000 * MIB, shared=512 * MIB, open_files=4096, processes=9000)
OK, WARNING, ERROR = Level


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a local stack, on a machine where all is well."""
    for module in (command, environment):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(machine, "measure", lambda root: WELL)
    monkeypatch.setattr(passphrase, "find", lambda: None)
    for name in (*state.VARIABLES, "PULUMI_BACKEND_URL", *network.INDEX_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    (tmp_path / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def patient(project: Path, stack: str = "local", **changes: Any) -> Patient:
    one, _ = command.patient_of(stack)
    assert one is not None
    return replace(one, **changes)


def found(check: Callable[[Patient], Any], of: Patient) -> list[tuple[Level, str]]:
    """The level and the text of each finding; what is wrong has a way out."""
    findings: list[Finding] = list(check(of))
    assert all(finding.mend or finding.level is OK for finding in findings)
    return [(finding.level, f"{finding.tried}: {finding.came} -> {finding.mend}") for finding in findings]


def worst(findings: list[tuple[Level, str]]) -> Level:
    return max(level for level, _ in findings)


# This machine.


@pytest.mark.parametrize(
    ("check", "facts", "level", "text"),
    [
        (machine.space, {}, OK, "90,000 MiB are free"),
        (machine.space, {"free": 10 * MIB}, WARNING, "10 MiB are free, and about 256 MiB are needed"),
        (machine.memory, {}, OK, "8,000 MiB are free"),
        (machine.memory, {"memory": None, "shared": 70 * MIB}, OK, "70 MiB are free"),
        (machine.memory, {"memory": 100 * MIB}, WARNING, "100 MiB are free; 1,024 MiB are little"),
        (machine.memory, {"shared": MIB}, WARNING, "docker run --shm-size 8g"),
        (machine.limits, {}, OK, "4,096 are allowed"),
        (machine.limits, {"open_files": None, "processes": None}, OK, "no limit"),
        (machine.limits, {"open_files": 256}, WARNING, "ulimit -n 1024"),
        (machine.limits, {"processes": 20}, WARNING, "ulimit -u 256"),
        (gpu.gpus, {}, OK, "none: runs use the processors"),
        (gpu.gpus, {"gpus": None}, WARNING, "nvidia-smi fails"),
        (gpu.gpus, {"gpus": (("NVIDIA H200", "570.86.15", "9.0"),)}, OK, "which fits CUDA 12.8"),
        (gpu.gpus, {"gpus": (("Tesla T4", "470.1", "7.5"),)}, ERROR, "which takes driver 525.60.13 or newer"),
        (gpu.gpus, {"gpus": (("Tesla K80", "570.1", "3.7"),)}, ERROR, "CUDA 12.8 has code for GPUs from 5.0 on"),
    ],
)
def test_this_machine(
    project: Path, check: Callable[[Patient], Any], facts: dict[str, Any], level: Level, text: str
) -> None:
    settings: dict[str, Any] = {"trainup:image": {"requirements": "requirements.txt"}} if check is gpu.gpus else {}
    (project / "requirements.txt").write_text("torch==2.8.0\n")
    (project / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": settings}))
    findings = found(check, patient(project, machine=replace(WELL, **facts)))
    assert worst(findings) is level
    assert any(text in told for _, told in findings), findings


def test_a_folder_that_cannot_be_written_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert worst(found(machine.files, patient(project))) is OK
    monkeypatch.setattr(machine, "is_writable", lambda folder: False)
    ((level, told),) = found(machine.files, patient(project))
    assert level is ERROR
    assert f"chmod u+w {project}" in told


def test_a_file_system_without_locks_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(machine, "_lock", refuse)
    ((level, told),) = found(machine.files, patient(project))
    assert level is ERROR
    assert "the file system has no locks (flock), record locks (fcntl)" in told


def test_a_machine_without_ports_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert worst(found(machine.ports, patient(project))) is OK

    def refuse(*_: Any) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    assert worst(found(machine.ports, patient(project))) is ERROR


# Tools.


def test_tools_that_are_missing_are_made_at_first_use(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for check in (tools.package_installer, tools.pulumi, tools.python, tools.git):
        assert worst(found(check, patient(project))) is OK
    monkeypatch.setattr(uv, "find", lambda: None)
    monkeypatch.setattr(pulumi_cli, "find", lambda: None)
    assert "the first command downloads one" in found(tools.package_installer, patient(project))[0][1]
    assert "the first command builds one" in found(tools.pulumi, patient(project))[0][1]


@pytest.mark.slow
def test_a_python_that_is_not_here_is_told(project: Path) -> None:
    (project / "Pulumi.local.yaml").write_text('config: {"trainup:image": {python: "3.6"}}\n')
    findings = found(tools.python, patient(project))
    assert worst(findings) is WARNING
    assert "uv python install 3.6" in findings[1][1]


def test_an_old_python_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "PYTHON", (3, 99))
    assert worst(found(tools.python, patient(project))) is ERROR


def test_a_repository_without_git_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".git").mkdir()
    monkeypatch.setenv("PATH", str(project))
    assert worst(found(tools.git, patient(project))) is WARNING


@pytest.mark.parametrize(
    ("script", "level", "text"),
    [
        ("echo 29.0", OK, "29.0"),
        ("echo Cannot connect to the Docker daemon >&2; exit 1", ERROR, "Cannot connect to the Docker daemon"),
        (None, ERROR, "not on PATH"),
    ],
)
def test_docker(project: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, level: Level, text: str) -> None:
    if script:
        (project / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (project / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(project))
    ((seen, told),) = found(tools.docker, patient(project))
    assert (seen, text in told) == (level, True)


# State and secrets.


def test_a_backend_that_is_a_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert worst(found(state.backend, patient(project))) is OK
    monkeypatch.setattr(state, "is_writable", lambda folder: False)
    assert worst(found(state.backend, patient(project))) is ERROR


@pytest.mark.parametrize(
    ("script", "level", "text"),
    [
        ("echo ann", OK, "lets ann in"),
        ("echo error: no credentials >&2; exit 255", ERROR, "no credentials -> pulumi login azblob://states"),
        (None, WARNING, "trainup setup"),
    ],
)
def test_a_backend_elsewhere(
    project: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, level: Level, text: str
) -> None:
    program = project / "pulumi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    cli = pulumi_cli.Cli(program, (3, 245, 0), "found on PATH") if script else None
    monkeypatch.setattr(pulumi_cli, "for_reading", lambda: cli)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://ann:pa55word@states")
    ((seen, told),) = found(state.backend, patient(project))
    assert (seen, text in told) == (level, True), told
    assert "pa55word" not in told


SLOW = pytest.mark.slow  # from a passphrase to a key it takes a second


@pytest.mark.parametrize(
    ("stack", "file", "variables", "level", "text"),
    [
        ("local", "config: {}", {}, OK, "the first `up` makes a passphrase"),
        ("far", "config: {'trainup:target': azure}", {}, ERROR, "there is no passphrase"),
        ("far", "config: {'trainup:target': azure}", {"PULUMI_CONFIG_PASSPHRASE": "word"}, OK, "there is a passphrase"),
        pytest.param(
            "far",
            "encryptionsalt: SALT",
            {"PULUMI_CONFIG_PASSPHRASE": "right"},
            OK,
            "there is a passphrase",
            marks=SLOW,
        ),
        pytest.param(
            "far",
            "encryptionsalt: SALT",
            {"PULUMI_CONFIG_PASSPHRASE": "wrong"},
            ERROR,
            "another passphrase",
            marks=SLOW,
        ),
        ("far", "config: {}", {"PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere/word"}, ERROR, "which is no file"),
        ("far", "secretsprovider: azurekeyvault://v/keys/k", {}, OK, "azurekeyvault://v/keys/k has it"),
        ("far", "config: {}", {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}, OK, "the backend has it"),
    ],
)
def test_what_encrypts_secrets(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    stack: str,
    file: str,
    variables: dict[str, str],
    level: Level,
    text: str,
) -> None:
    salt = ciphers.new_salt("right") if "SALT" in file else ""
    (project / f"Pulumi.{stack}.yaml").write_text(f"{file.replace('SALT', salt)}\n")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ((seen, told),) = found(state.secrets, patient(project, stack))
    assert (seen, text in told) == (level, True), told


def test_what_earlier_commands_left(project: Path) -> None:
    assert found(state.leftovers, patient(project)) == [
        (OK, "what earlier commands left of stack 'local': nothing -> ")
    ]
    folder = project / ".trainup" / "backend" / ".pulumi" / "locks" / "organization" / "team" / "local"
    folder.mkdir(parents=True)
    lock = {"pid": 2**22 + 7, "hostname": socket.gethostname(), "username": "ann"}
    (folder / "one.json").write_text(json.dumps(lock))
    (folder / "two.json").write_text(json.dumps({**lock, "hostname": "elsewhere"}))
    findings = found(state.leftovers, patient(project))
    assert [level for level, _ in findings] == [WARNING, WARNING]
    assert all("trainup unlock --stack local" in told for _, told in findings)


# The network.


class _Index(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


@pytest.mark.parametrize(("status", "level"), [(200, OK), (404, OK), (401, WARNING), (407, WARNING)])
def test_an_index_that_answers(project: Path, monkeypatch: pytest.MonkeyPatch, status: int, level: Level) -> None:
    handler = type("Index", (_Index,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://me:pa55word@127.0.0.1:{server.server_port}/simple")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(network.urllib.request, "urlopen", _without_login)
        ((seen, told),) = found(network.index, patient(project))
        server.shutdown()
        thread.join()
    assert seen is level
    assert "pa55word" not in told


def _without_login(address: str, timeout: float) -> Any:
    """As urlopen, which knows no logins in addresses."""
    opener = network.urllib.request.build_opener(network.urllib.request.ProxyHandler({}))
    return opener.open(address.replace("me:pa55word@", ""), timeout=timeout)


def test_an_index_that_is_not_reached_and_one_behind_a_prying_proxy(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    ((level, told),) = found(network.index, patient(project))
    assert (level, "not reached: " in told) == (WARNING, True)

    def pry(*_: Any, **__: Any) -> None:
        problem = ssl.SSLCertVerificationError(1, "self-signed certificate in certificate chain")
        problem.verify_message = "self-signed certificate in certificate chain"
        raise network.urllib.error.URLError(problem)

    monkeypatch.setattr(network.urllib.request, "urlopen", pry)
    ((level, told),) = found(network.index, patient(project))
    assert (level, "export SSL_CERT_FILE=" in told) == (ERROR, True)


def test_proxies_and_certificates(project: Path) -> None:
    def seen(**variables: str) -> Level:
        return worst(found(network.proxies, patient(project, variables=variables)))

    assert seen() is OK
    assert seen(HTTPS_PROXY="http://proxy:8080", no_proxy="localhost") is OK
    assert seen(HTTPS_PROXY="http://") is ERROR
    assert seen(SSL_CERT_FILE=str(project / "Pulumi.yaml")) is ERROR


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, OK), (59, OK), (-90, WARNING), (90, WARNING), (301, ERROR), (-5000, ERROR)]
)
def test_the_clock(seconds: int, level: Level) -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    theirs = format_datetime(now - timedelta(seconds=seconds), usegmt=True)
    assert network.clock_of(theirs, now).level is level


def test_a_service_that_tells_no_time_is_no_finding() -> None:
    assert network.clock_of(None).level is network.clock_of("tomorrow").level is OK


# Azure, against the simulated one.


@dataclass
class Cloud:
    """A simulated Azure, and a project whose stack `far` is on it."""

    running: Rehearsal
    project: Path
    sample: Sample

    def write(self, **sections: Any) -> None:
        config = {
            "azure-native:subscriptionId": SUBSCRIPTION,
            "azure-native:location": "westeurope",
            "trainup:target": "azure",
            **{f"trainup:{name}": value for name, value in sections.items()},
        }
        config = {name: value for name, value in config.items() if value is not None}
        (self.project / "Pulumi.far.yaml").write_text(yaml.safe_dump({"config": config}))

    def found(self, check: Callable[[Patient], Any], **sections: Any) -> list[tuple[Level, str]]:
        self.write(**{"image": {}, **sections})
        return found(check, patient(self.project, "far"))


@pytest.fixture
def cloud(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with rehearsal() as running:
        visit(running, monkeypatch)
        client_of.cache_clear()
        sample = furnish(running.azure)
        yield Cloud(running, project, sample)
    client_of.cache_clear()


def test_nothing_is_wrong_with_a_good_stack_on_a_good_subscription(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "word")
    for sections in (
        {"image": {}},
        {"image": {}, "workspace": {"id": cloud.sample.workspace}, "cluster": {"id": cloud.sample.cluster}},
        {"image": {}, "cluster": {"serverless": True}, "registry": {"id": cloud.sample.registry}},
    ):
        cloud.write(**sections)
        code = main(["doctor", "--stack", "far", "--json"])
        items = json.loads(capsys.readouterr().out)
        assert [item for item in items if item["level"] != "ok"] == []
        assert code == 0
        assert {"login", "subscription", "providers", "capacity", "names", "roles", "images"} <= {
            item["check"] for item in items
        }


@pytest.mark.slow
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_stacks_of_this_repository_have_no_false_findings(
    cloud: Cloud, stack: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (command.projects.read(Path(__file__).parents[3]).file.parent / f"Pulumi.{stack}.yaml").read_text()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "word")
    cloud.running.azure.quota.gpu_cores = 1000
    (cloud.project / "Pulumi.far.yaml").write_text(text.replace(azure.PLACEHOLDER, SUBSCRIPTION))
    (cloud.project / "training").mkdir()
    for name in ("Dockerfile", "requirements.txt"):
        source = Path(__file__).parents[3] / "training" / name
        (cloud.project / "training" / name).write_text(source.read_text())
    code = main(["doctor", "--stack", "far", "--json"])
    assert [item for item in json.loads(capsys.readouterr().out) if item["level"] != "ok"] == []
    assert code == 0


def test_a_service_that_does_not_answer_is_told_once_and_nothing_hangs(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setenv("ARM_METADATA_HOSTNAME", f"127.0.0.1:{closed.getsockname()[1]}")
    monkeypatch.setattr("trainup.jobs.azure.http.endpoints.PAUSE", 0.0)
    cloud.write(image={})
    assert main(["doctor", "--stack", "far"]) == 2
    text = capsys.readouterr().out
    assert text.count("Connection refused") == 1
    assert " ".join(text.split()).count("since service failed: login, subscription, providers, capacity, existing") == 1


def test_the_service_answers_and_its_clock_agrees(cloud: Cloud) -> None:
    assert worst(cloud.found(azure.service)) is OK


def test_a_login_that_azure_refuses(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert worst(cloud.found(azure.login)) is OK
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    client_of.cache_clear()
    ((level, told),) = cloud.found(azure.login)
    assert (level, told.endswith("-> az login")) == (ERROR, True)


def test_the_subscription(cloud: Cloud) -> None:
    assert worst(cloud.found(azure.subscription)) is OK
    cloud.project.joinpath("Pulumi.far.yaml").write_text(
        cloud.project.joinpath("Pulumi.far.yaml").read_text().replace(SUBSCRIPTION, azure.PLACEHOLDER)
    )
    ((level, told),) = found(azure.subscription, patient(cloud.project, "far"))
    assert (level, "still has the placeholder" in told) == (ERROR, True)
    cloud.running.azure.subscription_state = "Disabled"
    ((level, told),) = cloud.found(azure.subscription)
    assert (level, "it is Disabled" in told) == (ERROR, True)
    cloud.running.azure.subscription = "5ab0f3e2-0000-4000-8000-00000000000f"
    ((level, told),) = cloud.found(azure.subscription)
    assert (level, "this login does not see it" in told) == (ERROR, True)


def test_a_subscription_of_another_tenant(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "5ab0f3e2-0000-4000-8000-0000000000aa"
    monkeypatch.setattr(azure, "_claims", lambda token: {"tid": other})
    level, told = cloud.found(azure.subscription)[-1]
    assert (level, f"the login's tokens are for {other} -> export AZURE_TENANT_ID=" in told) == (ERROR, True)


SWEPT = {
    "cluster": {"serverless": True, "size": "gpu-small"},
    "runs": {
        "swept": {
            "source": "code",
            "script": "main.py",
            "nodes": 2,
            "arguments": ["${{search_space.lr}}"],
            "sweep": declaration(search_space={"lr": [0.1, 0.2, 0.3]}),
        }
    },
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "sections", "change", "level", "text"),
    [
        (azure.providers, {}, None, OK, "7 are registered"),
        (azure.providers, {}, "unregistered", ERROR, "az provider register --namespace Microsoft.KeyVault"),
        (azure.capacity, {}, None, OK, "enough for 4 of Standard_NC4as_T4_v3"),
        (azure.capacity, SWEPT, None, OK, "enough for 6 of Standard_NC4as_T4_v3"),
        (azure.capacity, {"cluster": {"gpu": "T4"}}, None, OK, "Standard_NC4as_T4_v3"),
        (azure.capacity, {"cluster": {"id": "CLUSTER"}, "workspace": {"id": "WORKSPACE"}}, None, OK, "not needed"),
        (azure.capacity, {}, "no quota", ERROR, "is 0 vCPUs"),
        (azure.capacity, {}, "little quota", WARNING, "1 of max_nodes 4 fit"),
        (azure.capacity, {"cluster": {"size": "Standard_NC24ads_A100_v4"}}, "no quota", ERROR, "0 vCPUs"),
        (azure.existing, {"registry": {"id": "REGISTRY"}}, None, OK, "teamregistry is there"),
        (azure.existing, {"registry": {"id": "REGISTRYx"}}, None, ERROR, "there is no teamregistryx"),
        (azure.existing, {"workspace": {"id": "WORKSPACEx"}}, None, ERROR, "there is no teamx"),
        (azure.existing, {"workspace": {"resource_group": "team"}}, None, OK, "team is there"),
        (azure.existing, {"workspace": {"resource_group": "tema"}}, None, ERROR, "az group create --name tema"),
        (azure.names, {}, None, OK, "all get random endings"),
        (azure.names, {"registry": {"name": "teamimages"}}, None, OK, "teamimages can be used"),
        (azure.names, {"registry": {"name": "teamregistry"}}, None, ERROR, "'teamregistry' is no free name"),
        (azure.names, {"registry": {"name": "teamregistry"}}, "our own", OK, "teamregistry can be used"),
        (
            azure.names,
            {"workspace": {"name": "team", "resource_group": "team"}},
            None,
            ERROR,
            "there is a workspace 'team' in the resource group team already",
        ),
        (
            azure.names,
            {"workspace": {"name": "team", "resource_group": "team"}},
            "deleted",
            ERROR,
            "a deleted workspace still has the name 'team'",
        ),
        (azure.roles, {}, None, OK, "what it is for is allowed"),
        (azure.roles, {}, "reader", ERROR, "trainup roles --stack far --az"),
        (azure.roles, {}, "contributor", ERROR, "Microsoft.Authorization/roleAssignments/write"),
        (azure.roles, {"workspace": {"id": "WORKSPACE"}}, "only the workspace", ERROR, "userAssignedIdentities/write"),
        (azure.images, {}, None, OK, ""),
        (azure.images, {"image": {"builder": "prebuilt", "reference": "SERVER/fastai:1"}}, None, ERROR, "fastai"),
    ],
)
def test_azure(
    cloud: Cloud,
    check: Callable[[Patient], Any],
    sections: dict[str, Any],
    change: str | None,
    level: Level,
    text: str,
) -> None:
    here = cloud.running.azure
    sections = json.loads(
        json.dumps(sections)
        .replace("WORKSPACE", cloud.sample.workspace)
        .replace("REGISTRY", cloud.sample.registry)
        .replace("CLUSTER", cloud.sample.cluster)
        .replace("SERVER", str(here.get(cloud.sample.registry)["properties"]["loginServer"]))
    )
    changes: dict[str, Callable[[], Any]] = {
        "unregistered": lambda: here.registrations.missing.add("Microsoft.KeyVault"),
        "no quota": lambda: here.quota.clear(),
        "little quota": lambda: here.quota.update({"standardNCASv3_T4Family": 4}),
        "our own": lambda: here.amend(cloud.sample.registry, {"tags": {"managed-by": "trainup", "stack": "far"}}),
        "deleted": lambda: here.delete(cloud.sample.workspace),
        "reader": lambda: setattr(here.may, "granted", [Granted("Reader", here.root)]),
        "contributor": lambda: setattr(here.may, "granted", [Granted("Contributor", here.root)]),
        "only the workspace": lambda: setattr(
            here.may, "granted", [Granted("Contributor", cloud.sample.workspace), Granted("Reader", here.root)]
        ),
    }
    if change:
        changes[change]()
    findings = cloud.found(check, **sections)
    assert (worst(findings) if findings else OK) is level, findings
    assert any(text in told for _, told in findings) or not text, findings


# The command.


REPOSITORY = Path(__file__).parents[3]
SHIPPED = sorted(
    path
    for folder in (REPOSITORY, *(REPOSITORY / "examples").iterdir(), REPOSITORY / "templates" / "training")
    for path in folder.glob("Pulumi.*.yaml")
)


@pytest.mark.slow
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_shipped_stacks_on_this_machine_and_their_settings_have_no_findings(
    project: Path, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ROOT", file.parent)
    monkeypatch.setattr(command, "ON_AZURE", ())
    monkeypatch.setattr(command, "ON_THIS_MACHINE", (Check("gpu", gpu.gpus), Check("ports", machine.ports)))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "word")
    monkeypatch.setattr(tools, "docker", lambda patient: [ok("docker", "29.0")])
    code = main(["doctor", "--stack", file.stem.removeprefix("Pulumi."), "--json"])
    wrong = [item for item in json.loads(capsys.readouterr().out) if item["level"] != "ok"]
    # A secret cannot be shipped: its README says how to set it.
    assert [item for item in wrong if "asks for this secret, and it is not set" not in item["came"]] == []
    assert code == (2 if wrong else 0)


def test_a_check_that_hangs_is_left_behind(project: Path) -> None:
    never = threading.Event()

    def hang(_: Patient) -> list[Finding]:
        never.wait()
        return []

    results, left_out = examine(
        patient(project), [Check("slow", hang, seconds=0.01), Check("quick", lambda _: [ok("a", "b")])]
    )
    never.set()
    assert left_out == {}
    assert results["slow"][0].came == "no answer within 0.01 s"
    assert results["quick"][0].level is OK


def test_a_mistake_of_ours_keeps_its_trace(project: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        examine(patient(project), [Check("wrong", lambda _: [1 / 0])])  # type: ignore[list-item]


def test_the_exit_code_is_the_worst_level(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ON_THIS_MACHINE", (Check("gpu", gpu.gpus),))
    assert main(["doctor", "--stack", "local"]) == 0
    monkeypatch.setattr(machine, "measure", lambda root: replace(WELL, open_files=100))
    assert main(["doctor", "--stack", "local"]) == 1
    (project / "Pulumi.local.yaml").write_text("config: {'trainup:clutser': {}}\n")
    assert main(["doctor", "--stack", "local"]) == 2
    assert "trainup:clutser" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["nothing", "no YAML", "no project"])
def test_a_stack_that_cannot_be_read_is_an_error(
    project: Path, broken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ON_THIS_MACHINE", ())
    (project / "Pulumi.local.yaml").write_text("config: [" if broken == "no YAML" else "config: {}")
    if broken == "no project":
        (project / "Pulumi.yaml").unlink()
    stack = "elsewhere" if broken == "nothing" else "local"
    assert main(["doctor", "--stack", stack, "--json"]) == 2
    first, *_ = json.loads(capsys.readouterr().out)
    assert (first["check"], first["level"]) == ("settings", "error")
    assert first["came"]


def test_nothing_is_changed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _tree(project)
    monkeypatch.setattr(command, "ON_THIS_MACHINE", (Check("gpu", gpu.gpus),))
    main(["doctor", "--stack", "local"])
    assert _tree(project) == before


def _tree(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files} | {str(path): b"" for path in folder.rglob("*")}


@pytest.mark.parametrize("columns", [80, 160])
def test_the_findings_fit_the_terminal(
    cloud: Cloud, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    cloud.running.azure.may.granted = [Granted("Contributor", cloud.running.azure.root)]
    cloud.running.azure.registrations.missing.add("Microsoft.KeyVault")
    cloud.write(image={}, registry={"name": "teamregistry"}, cluster={"max_nodes": 40})
    monkeypatch.setattr(command, "EVERYWHERE", (Check("limits", machine.limits),))
    assert main(["doctor", "--stack", "far"]) == 2
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= columns
    for name, value in (("ADDRESS", os.environ["ARM_METADATA_HOSTNAME"]),):
        text = text.replace(value, name)
    matches(f"doctor-{columns}.txt", text)


@pytest.mark.parametrize("columns", [80, 160])
def test_the_findings_about_this_machine_fit_the_terminal(
    project: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.txt").write_text("torch==2.8.0\n")
    (project / "Pulumi.local.yaml").write_text("config: {'trainup:image': {requirements: requirements.txt}}\n")
    poor = replace(WELL, free=MIB, shared=MIB, open_files=256, gpus=(("Tesla K80", "470.57.02", "3.7"),))
    monkeypatch.setattr(machine, "measure", lambda root: poor)
    monkeypatch.setattr(command, "EVERYWHERE", [Check(name, check) for name, check in MACHINE])
    monkeypatch.setattr(command, "ON_THIS_MACHINE", [Check("gpu", gpu.gpus)])
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["doctor", "--stack", "local"]) == 2
    text = capsys.readouterr().out.replace(str(project), "/home/ann/team")
    matches(f"doctor-local-{columns}.txt", text)


MACHINE = (("memory", machine.memory), ("limits", machine.limits))
