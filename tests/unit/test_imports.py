"""What is imported when: a local stack pays for nothing that only Azure needs."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

RULES = (
    "trainup.core.sweeps.",
    "trainup.core.job_files",
    "trainup.core.gates",
    "trainup.core.models",
    "trainup.infra.sweep_schema",
)
"""What only sweeps, job files, gates and models need."""
HEAVY = ("azure", "msal", "requests", "pulumi_azure_native", "mlflow", "torch")


def imported(code: str) -> set[str]:
    """The top-level modules that are there after a piece of code."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import trainup.provider.host",
        "import trainup.provider.run",
        "import trainup.cli.__main__",
        "from pathlib import Path\n"
        "from trainup.jobs.targets import target_of\n"
        "target_of({'target': 'local', 'workspace': 'w'}, Path('.'))",
    ],
)
def test_a_local_stack_never_imports_what_azure_needs(code: str) -> None:
    assert imported(code) & set(HEAVY) == set()


def test_azure_is_reached_without_the_heavy_client() -> None:
    found = imported("import trainup.jobs.azure.target, trainup.jobs.azure.job.submission")
    assert "azure" in found
    assert found & {"pulumi_azure_native", "mlflow", "torch", "isodate", "marshmallow"} == set()


@pytest.mark.parametrize(
    "code",
    [
        "import trainup.jobs.targets, trainup.jobs.azure.target, trainup.jobs.azure.job.submission",
        "from trainup.provider.light import import_wire_types_alone\n"
        "import_wire_types_alone()\n"
        "import trainup.provider.host, trainup.provider.run, trainup.provider.image, trainup.provider.quota",
    ],
)
def test_nobody_pays_for_what_only_the_processes_of_this_machine_need(code: str) -> None:
    assert imported(code) & {"psutil", "detect_secrets"} == set()


def test_the_program_of_a_local_stack_builds_none_of_azures_settings() -> None:
    program = "import trainup.infra.program, trainup.infra.local\nfrom trainup.infra import target_settings as t\n"
    script = f"{program}t.declaration_of('local')\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "trainup.infra.local_settings" in imported
    assert {name for name in imported if name.startswith("trainup.infra.azure")} == {"trainup.infra.azure_keys"}
    assert "packaging.requirements" not in imported
    assert {name for name in imported if name.startswith(RULES)} == {"trainup.core.sweeps.places"}


def test_the_program_of_a_stack_on_azure_loads_no_rules_of_sweeps_and_job_files_either() -> None:
    script = "import trainup.infra.program, trainup.infra.azure\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if name.startswith(RULES)} == {"trainup.core.sweeps.places"}


def test_the_plugin_imports_what_new_environments_need_when_it_needs_it() -> None:
    alone = "from trainup.provider.light import import_wire_types_alone\nimport_wire_types_alone()\n"
    plugin = "import trainup.provider.host, trainup.provider.run, trainup.provider.pool, trainup.provider.server"
    assert "packaging" not in imported(alone + plugin)
