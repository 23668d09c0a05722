"""When the state of a stack is saved, and what is done about an `up` that was killed before."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainup.toolchain import projects, saving, stack_files
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import SetupError
from trainup.toolchain.stack_files import StackFile

PYTHON = '#!/bin/sh\necho "$@" >> "$0.calls"\necho ended-1\n'


@pytest.fixture
def place(tmp_path: Path) -> StateLocation:
    return StateLocation(tmp_path, "own", "local")


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An interpreter that writes down how it was called."""
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.write_text(PYTHON)
    program.chmod(0o755)
    monkeypatch.setattr(saving, "PYTHON", program)
    monkeypatch.setattr(saving, "ROOT", tmp_path)
    return program


def save(place: StateLocation, *types: str, pending: tuple[str, ...] = ()) -> None:
    file = place.root / ".pulumi" / "stacks" / place.project / f"{place.stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    latest: dict[str, Any] = {"resources": [{"type": kind} for kind in types]}
    latest["pending_operations"] = [{"resource": {"type": kind}, "type": "creating"} for kind in pending]
    file.write_text(json.dumps({"checkpoint": {"latest": latest}}))


def stack_file(folder: Path, runs: int = 0, more: str = "") -> StackFile:
    (folder / "Pulumi.yaml").write_text("name: own\n")
    declared = ", ".join(f"r{number}: {{}}" for number in range(runs))
    (folder / "Pulumi.local.yaml").write_text(f"config:\n  trainup:runs: {{{declared}}}\n{more}")
    return stack_files.read(projects.read(folder), "local")


OUR_RUN, FOREIGN = "trainup:index:Run", "aws:s3:Bucket"


@pytest.mark.parametrize(
    ("runs", "types", "pending", "is_once"),
    [
        (saving.MANY, (), (), True),
        (saving.MANY - 1, (), (), False),
        (1, ("pulumi:pulumi:Stack", *[OUR_RUN] * saving.MANY), (), True),
        (saving.MANY, (OUR_RUN, FOREIGN), (), False),
        (saving.MANY, (OUR_RUN,), (FOREIGN,), False),
    ],
)
def test_the_state_is_saved_once_where_runs_are_many_and_their_own_records_tell_all(
    place: StateLocation, runs: int, types: tuple[str, ...], pending: tuple[str, ...], is_once: bool
) -> None:
    save(place, *types, pending=pending)
    assert bool(saving.variables(stack_file(place.root, runs), place)) is is_once


@pytest.mark.parametrize("more", ["  trainup:target: azure\n", "  own:target: azure\n"])
def test_elsewhere_the_state_is_saved_at_every_step(place: StateLocation, more: str) -> None:
    assert saving.variables(stack_file(place.root, 99, more), place) == {}
    assert saving.variables(stack_file(place.root, 99), None) == {}


@pytest.mark.parametrize("state", ["", "{", "null", "[]", '{"checkpoint": null}', '{"checkpoint": {"latest": null}}'])
def test_a_state_without_resources_stands_in_nobodys_way(place: StateLocation, state: str) -> None:
    save(place)
    assert place.state
    place.state.write_text(state)
    assert saving.variables(stack_file(place.root, 99), place) == saving.ONCE


@pytest.mark.parametrize("words", [["destroy", "--yes"], ["down"], ["dn", "-y"]])
def test_before_all_is_destroyed_what_the_state_does_not_know_is_ended(
    place: StateLocation, python: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = stack_file(place.root, more="  trainup:workspace: {path: my work}\n")
    (place.root / "my work" / "slots").mkdir(parents=True)
    saving.end_forgotten(file, place, words)
    assert "ended, which a killed `up` had begun: ended-1" in capsys.readouterr().err
    called = python.with_name("python.calls").read_text()
    assert called == f"-I -m trainup.provider.forgotten {place.root} {place.root}/my work local own\n"


@pytest.mark.parametrize("words", [["up"], ["destroy", "--target=x"], ["destroy", "--preview-only"], []])
def test_what_does_not_destroy_all_ends_nothing(place: StateLocation, python: Path, words: list[str]) -> None:
    (place.root / ".trainup" / "local" / "slots").mkdir(parents=True)
    saving.end_forgotten(stack_file(place.root), place, words)
    assert not python.with_name("python.calls").exists()


def test_a_cluster_in_the_state_ends_its_runs_by_itself(place: StateLocation, python: Path) -> None:
    (place.root / ".trainup" / "local" / "slots").mkdir(parents=True)
    save(place, saving.POOL)
    saving.end_forgotten(stack_file(place.root), place, ["destroy"])
    assert not python.with_name("python.calls").exists()


def test_what_cannot_be_ended_is_told(place: StateLocation, python: Path) -> None:
    (place.root / ".trainup" / "local" / "slots").mkdir(parents=True)
    python.write_text("#!/bin/sh\necho why >&2\nexit 1\n")
    with pytest.raises(SetupError, match="could not be ended:\nwhy"):
        saving.end_forgotten(stack_file(place.root), place, ["destroy"])
