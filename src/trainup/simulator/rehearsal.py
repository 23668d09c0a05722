"""Starts all services of one simulated Azure.

    with rehearsal() as running:
        environment = running.environment(os.environ)       # for a process that uses only the simulated Azure
        sample = furnish(running.azure)                     # optional: a workspace with a cluster
        running.azure.faults.add(Fault(path="*/jobs/*", error=throttled(2)))        # see `cloud/faults.py`
        running.azure.latency, running.azure.clock.scale = REAL, 0.001              # see `cloud/clock.py`
        running.azure.journal.entries                       # the requests so far
        running.azure.runs.get(sample.workspace, "pets-1")  # status, its history, metrics, error of a job
        running.machines.wait(job_id)                       # also `cancel`, `evict`, and `folder` with the jobs' files

Code in this process uses it if `running.variables` are in `os.environ`, as in the tests' fixture.
"""

import os
import re
import shlex
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.endpoints import LOOPBACK
from trainup.simulator.cloud.endpoints import NAME as CLOUD
from trainup.simulator.machines.machines import Machines
from trainup.simulator.plugins.docker import Docker
from trainup.simulator.plugins.native import AzureNative
from trainup.simulator.plugins.plugin import serve as serve_plugins
from trainup.simulator.rest import login
from trainup.simulator.rest.server import NAME
from trainup.simulator.rest.server import serve as serve_rest
from trainup.simulator.trap import Trap, set_trap

OUTSIDE = re.compile(
    r"(ARM|AZURE|AZUREML|AWS|GOOGLE|GCP|ACTIONS_ID_TOKEN|IDENTITY|MSI)_.*|.*_PROXY|DOCKER_HOST", re.IGNORECASE
)
"""Environment variables that could lead to the real Azure or to other machines."""


class NotHere(ValueError):
    """An address that is not on this machine, or a stack that is not in the project; the message says which."""


class Crashed(RuntimeError):
    """The simulator itself failed; the message has the tracebacks."""


@dataclass(frozen=True)
class Rehearsal:
    """A running simulation of Azure."""

    azure: Azure
    docker: Docker
    machines: Machines
    trap: Trap
    """Proxy that records and refuses requests to other machines."""

    variables: Mapping[str, str]
    """Environment variables with which a process uses this Azure."""

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The base environment with the variables for this Azure, and without credentials, proxies and other clouds."""
        inherited = {name: value for name, value in base.items() if not OUTSIDE.fullmatch(name)}
        result = {**inherited, **self.variables}
        check_loopback(result)
        return result


def check_loopback(variables: Mapping[str, str]) -> None:
    """Raise NotHere if a variable refers to an Azure that is not on this machine."""
    for name in ("ARM_METADATA_HOSTNAME", "IDENTITY_ENDPOINT", "ARM_CLOUD_METADATA_URL"):
        value = variables.get(name, "")
        host = urlsplit(value if "://" in value else f"//{value}").hostname
        if host not in LOOPBACK:
            raise NotHere(
                f"{name} is {value!r}: a rehearsal reaches nothing but this machine, so the host has to be one of "
                f"{', '.join(sorted(LOOPBACK))}"
            )


@contextmanager
def rehearsal(
    folder: Path | None = None, *, azure: Azure | None = None, environments: Path | None = None, name: str = NAME
) -> Iterator[Rehearsal]:
    """Serve an Azure, by default a new one, until the block ends. Raises Crashed if the simulator itself failed.

    The folder is for `bodies/`, `requests.jsonl` and `jobs/`; without it, all files are temporary. `environments` is
    the folder of built images, which later rehearsals reuse. If `name` is not a host name of this machine, clients
    reach the services through a proxy that resolves it.
    """
    if folder:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if azure is None:
        azure = Azure(bodies=folder and folder / "bodies")
        azure.journal.path = folder and folder / "requests.jsonl"
    docker = Docker(azure)
    with ExitStack() as stack:
        stack.callback(azure.storage.close)
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trainup-rehearsal-")))
        certificates = stack.enter_context(serve_rest(azure, temporary / "certificates", name))
        machines = Machines(
            azure,
            _plain((folder or temporary).resolve() / "jobs", temporary),
            (environments or temporary / "environments").resolve(),
            _trusted(certificates.authority),
        )
        stack.callback(machines.stop)
        plugins = stack.enter_context(serve_plugins({"azure-native": AzureNative(azure), "docker": docker}))
        trap = stack.enter_context(set_trap())
        variables = plugins | _variables(azure, certificates.authority, trap)
        variables["AZURE_CONFIG_DIR"] = str(temporary / "azure")  # a configuration of `az` without a login
        with _telling(azure.failures):
            yield Rehearsal(azure, docker, machines, trap, variables)


def _plain(jobs: Path, temporary: Path) -> Path:
    """The jobs' folder by a path that needs no quoting in shells, like the paths on Azure's nodes."""
    jobs.mkdir(parents=True, exist_ok=True)
    if shlex.quote(str(jobs)) == str(jobs):
        return jobs
    link = temporary / "jobs"
    link.symlink_to(jobs)
    return link


@contextmanager
def _telling(failures: list[str]) -> Iterator[None]:
    """Raise the simulator's own failures after the block, because clients would hide them by retries."""
    try:
        yield
    except BaseException as error:
        for failure in failures:
            error.add_note(f"Azure on this machine failed: {failure}")
        raise
    if failures:
        raise Crashed("Azure on this machine failed:\n" + "\n".join(failures))


def _variables(azure: Azure, authority: Path, trap: Trap) -> dict[str, str]:
    at = azure.endpoints.resource_manager
    return {
        "ARM_METADATA_HOSTNAME": at.removeprefix("https://"),
        "ARM_CLOUD_METADATA_URL": f"{at}/metadata/endpoints?api-version=2019-05-01",
        "AZUREML_CURRENT_CLOUD": CLOUD,  # without it `azureml-mlflow` asks the public cloud for the list of clouds
        "ARM_SUBSCRIPTION_ID": azure.subscription,
        "ARM_TENANT_ID": azure.tenant,
        "ARM_USE_MSI": "true",
        "IDENTITY_ENDPOINT": f"{at}{login.IDENTITY}",
        "IDENTITY_HEADER": azure.secret,
        # All clients trust only this listener's certificate authority.
        "REQUESTS_CA_BUNDLE": str(authority),
        "CURL_CA_BUNDLE": str(authority),
        "SSL_CERT_FILE": str(authority),
        **trap.variables,
    }


def _trusted(authority: Path) -> Path:
    """Certificate authorities that jobs trust: this listener's, and the machine's usual ones for downloads."""
    usual = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    bundle = authority.with_name("trusted.pem")
    others = Path(usual).read_bytes() if usual and Path(usual).is_file() else b""
    bundle.write_bytes(authority.read_bytes() + b"\n" + others)
    return bundle
