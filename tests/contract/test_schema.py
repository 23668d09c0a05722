"""What programs in other languages know of the components, and what the plugin answers them."""

import json
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from pulumi.runtime.proto import provider_pb2

import trainup
from tests.support.project import REPOSITORY, ROOMS, toolchain_environment
from trainup.components import schema
from trainup.core.version import VERSION
from trainup.provider.host import Host
from trainup.toolchain import pulumi_cli

CLI = pulumi_cli.find()


@pytest.mark.slow
def test_the_schema_is_that_of_the_classes() -> None:
    """After a change of a component: `python -m trainup.components.schema`."""
    assert schema.FILE.read_text() == schema.text()


def test_the_plugin_answers_with_it(tmp_path: Path) -> None:
    answer = Host(None, tmp_path).GetSchema(provider_pb2.GetSchemaRequest(), None)
    assert json.loads(answer.schema) == json.loads(schema.FILE.read_text())


def test_the_version_is_the_same_everywhere() -> None:
    assert f'\nversion = "{VERSION}"\n' in (REPOSITORY / "pyproject.toml").read_text()
    assert json.loads(schema.FILE.read_text())["version"] == VERSION


def test_every_component_can_be_imported_from_the_top_and_made_by_the_plugin() -> None:
    assert set(trainup.__all__) == set(schema.MODULES)
    assert {f"trainup:index:{name}" for name in schema.MODULES} == set(json.loads(schema.FILE.read_text())["resources"])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(schema.MODULES))
def test_what_is_imported_from_the_top_is_the_class(name: str) -> None:
    assert getattr(trainup, name) is getattr(import_module(schema.MODULES[name]), name)


@pytest.mark.slow
@pytest.mark.skipif(CLI is None, reason="there is no Pulumi CLI: run `make setup`")
@pytest.mark.parametrize("plugin", [ROOMS / "provider", ROOMS / "provider" / "pulumi-resource-trainup"])
def test_pulumi_itself_reads_and_checks_the_schema(plugin: Path) -> None:
    """As `pulumi package add` does, with the folder or the executable."""
    assert CLI is not None
    command = [CLI.path, "package", "get-schema", plugin]
    read = subprocess.run(command, capture_output=True, text=True, env=toolchain_environment())
    assert json.loads(read.stdout)["name"] == "trainup", read.stderr
    checked = subprocess.run([CLI.path, "schema", "check", schema.FILE], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
