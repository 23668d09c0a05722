"""What runs on a machine that has a token: known by hash or by commit, and there before the token is."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainup.toolchain import plugins, pulumi_cli
from trainup.toolchain.paths import SetupError, packages
from trainup.toolchain.versions import LOCKED, UV, locked

REPOSITORY = Path(__file__).parents[3]
ROOMS = REPOSITORY / "src" / "trainup"
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
HARMLESS = (
    "make",
    "python3 src/trainup/toolchain",
    "echo",
    "exec timeout",
    "nohup python3 src/trainup/toolchain",
    "file=",
    "{ echo",
)
"""How the lines of the workflows begin: our own commands, and the shell's."""


def jobs(workflow: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(workflow.read_text())["jobs"].values())


def test_there_are_workflows() -> None:
    assert {path.name for path in WORKFLOWS} >= {"deploy-and-train.yml", "preview.yml"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_its_actions_by_commit_and_asks_for_the_least(workflow: Path) -> None:
    told = yaml.safe_load(workflow.read_text())
    assert told["permissions"] == {}
    for job in jobs(workflow):
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}
        assert not re.search("latest$", job["runs-on"])
        for step in job["steps"]:
            if used := step.get("uses"):
                assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", used), used
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
            if "setup-python" in step.get("uses", ""):
                assert re.fullmatch(r"3\.\d+\.\d+", step["with"]["python-version"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_is_fetched_once_the_token_is_there(workflow: Path) -> None:
    for job in jobs(workflow):
        names = [step.get("name", step.get("uses", "")) for step in job["steps"]]
        assert names.index("Set up") < names.index("Bring the plugins") < names.index("Log in")
        assert job["env"]["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
        for step in job["steps"]:
            lines = [line.strip() for line in step.get("run", "").splitlines() if line.strip()]
            assert [line for line in lines if not line.startswith(HARMLESS)] == []
            assert not re.search(r"\b(curl|wget|pip|npm|npx|uvx|apt(-get)?|docker|az|gh)\b", step.get("run", ""))


@pytest.mark.parametrize("package", ["uv", "go"])
def test_what_a_bare_machine_gets_is_locked_by_version_and_hash(package: str) -> None:
    version, hashes = locked(package)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert len(hashes) >= 8, "one for each platform"
    for line in (LOCKED / f"{package}.txt").read_text().splitlines():
        assert re.fullmatch(r"#.*|[a-z-]+==[\d.]+ \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?", line)


def test_the_locked_uv_is_new_enough() -> None:
    assert tuple(map(int, locked("uv")[0].split("."))) >= UV


def test_every_module_of_the_pulumi_cli_is_known_by_hash_and_no_script_installs_it() -> None:
    module = ROOMS / "toolchain" / "pulumi_module"
    sums = (module / "go.sum").read_text()
    required = re.findall(r"^\s*(?:require )?(\S+\.\S+/\S+) (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    assert len(required) > 50
    assert [f"{name} {version}" for name, version in required if f"{name} {version} h1:" not in sums] == []
    sources = "".join(path.read_text() for path in (ROOMS / "toolchain").glob("*.py"))
    assert "install.sh" not in sources
    assert "PulumiCommand.install" not in sources
    assert "-mod=readonly" in Path(pulumi_cli.__file__).read_text()


def test_all_packages_of_the_project_are_locked_by_hash() -> None:
    packages = (REPOSITORY / "uv.lock").read_text().split("[[package]]")[1:]
    unknown = [text.split('"')[1] for text in packages if "hash =" not in text and "editable =" not in text]
    assert unknown == []


def environment_with(tmp_path: Path, **versions: str) -> Path:
    for name, version in versions.items():
        folder = tmp_path / f"pulumi_{name}"
        folder.mkdir(parents=True)
        told = {"resource": True, "name": name.replace("_", "-"), "version": version}
        (folder / "pulumi-plugin.json").write_text(json.dumps(told))
    return tmp_path


def test_plugins_are_brought_in_the_versions_of_the_sdks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "required", lambda _: versions)
    versions = {"azure-native": "3.29.0", "docker": "4.11.2"}
    cli = tmp_path / "pulumi"
    cli.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\n')
    cli.chmod(0o755)
    plugins.install(cli, {"PULUMI_DEBUG_PROVIDERS": "docker:127.0.0.1:5"})
    assert (tmp_path / "calls").read_text() == "plugin install resource azure-native 3.29.0\n"
    cli.write_text("#!/bin/sh\necho 'no route' >&2\nexit 1\n")
    with pytest.raises(SetupError, match=r"the plugin azure-native 3.29.0 could not be installed:\nno route"):
        plugins.install(cli, {})


def test_the_sdks_say_which_plugins_they_need(tmp_path: Path) -> None:
    assert plugins.required([environment_with(tmp_path, azure_native="3.1.0", docker="4.0.0")]) == {
        "azure-native": "3.1.0",
        "docker": "4.0.0",
    }
    installed = plugins.required(packages())
    lock = (REPOSITORY / "uv.lock").read_text()
    for name in ("azure-native", "docker"):
        assert f'name = "pulumi-{name}"\nversion = "{installed[name]}"' in lock


def test_what_builds_the_project_itself_is_locked_too() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    (builder,) = project["build-system"]["requires"]
    name, version = builder.split("==")
    assert builder in project["dependency-groups"]["dev"]
    assert project["tool"]["uv"]["no-build-isolation-package"] == ["trainup"], "else uv would fetch it without its hash"
    assert f'name = "{name}"\nversion = "{version}"' in (REPOSITORY / "uv.lock").read_text()
