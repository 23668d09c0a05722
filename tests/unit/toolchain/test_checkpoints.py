"""States that a kill or a full disk has left damaged, and operations that a killed command has left pending."""

import errno
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trainup.toolchain import backends, checkpoints
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import SetupError

RUN = "urn:pulumi:local::own::trainup:index:TrainingRun$trainup:index:Run::tiny-job"
INPUTS = {
    "run": "tiny",
    "digest": "0123456789abcdef",
    "workspace": ".trainup/local",
    "target": "local",
    "script": "a.py",
}


def resource(urn: str = RUN, kind: str = "Run", **facts: Any) -> dict[str, Any]:
    return {"urn": urn, "custom": True, "type": f"trainup:index:{kind}", "inputs": INPUTS, "parent": "p", **facts}


def state(*resources: dict[str, Any], pending: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    latest = {"resources": list(resources), **({"pending_operations": pending} if pending is not None else {})}
    return {"version": 3, "checkpoint": {"stack": "organization/own/local", "latest": latest}}


@pytest.fixture
def place(tmp_path: Path) -> StateLocation:
    made = StateLocation(tmp_path, "own", "local")
    for folder in ("stacks/own", "backups/own/local", "history/own/local"):
        (tmp_path / ".pulumi" / folder).mkdir(parents=True)
    (tmp_path / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    return made


def put(place: StateLocation, text: str | bytes, name: str = "local.json", folder: str = "stacks/own") -> Path:
    file = place.root / ".pulumi" / folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def now(place: StateLocation) -> dict[str, Any]:
    """The state as Pulumi finds it."""
    assert place.state
    return dict(json.loads(backends.read(place.state)))


OLD, NEW = state(resource(id="old")), state(resource(id="new"))


@example(length=0)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(length=st.integers(0, len(json.dumps(NEW)) - 1))
def test_a_state_that_was_cut_off_anywhere_is_taken_from_the_copy_before_it(place: StateLocation, length: int) -> None:
    put(place, json.dumps(OLD), "local.json.bak")
    damaged = json.dumps(NEW)[:length]
    put(place, damaged)
    checkpoints.mend(place)
    assert now(place) == OLD
    aside = [file.read_text() for file in (place.root / ".pulumi" / "stacks" / "own").glob("local.json.damaged-*")]
    assert damaged in aside, "what was damaged is kept"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.binary(max_size=40))
@example(text=b"null")
@example(text=b"{}")
@example(text=b'{"version": 3, "checkpoint": {"latest": 7}}')
@example(text=b'{"version": 3, "checkpoint": {"latest": {"resources": ["x"]}}}')
@example(text=b'{"version": 3, "checkpoint": {"latest": {"pending_operations": {"a": 1}}}}')
@example(text=b"[" * 100_000)
def test_a_state_of_any_bytes_is_never_taken_for_a_stack_without_resources(place: StateLocation, text: bytes) -> None:
    put(place, json.dumps(OLD), "local.json.bak")
    put(place, text)
    checkpoints.mend(place)
    assert now(place) == OLD


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_where_the_copy_is_broken_too_the_newest_backup_counts_and_then_the_history(
    place: StateLocation, suffix: str
) -> None:
    def packed(state: dict[str, Any]) -> bytes:
        text = json.dumps(state).encode()
        return gzip.compress(text) if suffix else text

    put(place, packed(NEW)[:-9], f"local.json{suffix}")
    put(place, b"", f"local.json{suffix}.bak")
    put(place, packed(OLD)[:20], f"local.2.json{suffix}", "backups/own/local")
    put(place, packed(OLD), f"local-1.checkpoint.json{suffix}", "history/own/local")
    checkpoints.mend(place)
    assert now(place) == OLD


def test_without_any_whole_state_the_stack_begins_empty_and_is_told(
    place: StateLocation, capsys: pytest.CaptureFixture[str]
) -> None:
    put(place, '{"version": 3, "check')
    checkpoints.mend(place)
    assert now(place)["checkpoint"] == {"stack": "organization/own/local", "latest": None}
    told = capsys.readouterr().err
    assert "the state of stack 'local' was damaged" in told
    assert "No run is lost" in told


def test_on_another_target_a_stack_never_begins_empty(place: StateLocation) -> None:
    damaged = put(place, '{"version": 3, "check')
    with pytest.raises(SetupError, match="would be created a second time"):
        checkpoints.mend(place, is_local=False)
    assert damaged.read_text() == '{"version": 3, "check'


def test_the_newest_copy_is_the_one_that_pulumi_numbered_last_whatever_the_clock_said(place: StateLocation) -> None:
    put(place, "")
    newest = put(place, json.dumps(NEW), "local.1795845241751097496.json", "backups/own/local")
    put(place, json.dumps(OLD), "local-1795845231150734926.checkpoint.json", "history/own/local")
    os.utime(newest, (0, 0))
    checkpoints.mend(place)
    assert now(place) == NEW


def test_a_disk_that_takes_nothing_is_told(place: StateLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    put(place, json.dumps(OLD), "local.json.bak")
    damaged = put(place, "{")
    monkeypatch.setattr(backends, "write", full)
    with pytest.raises(SetupError, match="Free some space"):
        checkpoints.mend(place)
    assert damaged.read_text() == "{"


@pytest.mark.parametrize("note", ["", '{"user.c', "[]", "\0\0\0"])
@pytest.mark.parametrize("name", ["local.json.attrs", "local.json.bak.attrs"])
def test_a_damaged_note_of_the_backend_is_put_aside(place: StateLocation, note: str, name: str) -> None:
    put(place, json.dumps(NEW))
    file = put(place, note, name)
    checkpoints.mend(place)
    assert not file.exists()
    assert now(place) == NEW


@pytest.mark.parametrize("note", ["null", "{}", '{"md5": "x"}'])
def test_a_sound_note_stays(place: StateLocation, note: str) -> None:
    put(place, json.dumps(NEW))
    file = put(place, note, "local.json.attrs")
    checkpoints.mend(place)
    assert file.read_text() == note


@pytest.mark.parametrize("text", ["version:", "", "vers", "\0" * 9])
def test_the_description_of_the_backend_is_written_anew(place: StateLocation, text: str) -> None:
    put(place, json.dumps(NEW))
    put(place, text, "meta.yaml", ".")
    put(place, "", "meta.yaml.attrs", ".")
    checkpoints.mend(place)
    assert (place.root / ".pulumi" / "meta.yaml").read_text() == "version: 1\n"
    assert not (place.root / ".pulumi" / "meta.yaml.attrs").exists()


def test_an_entry_of_the_history_that_was_cut_off_is_put_aside(place: StateLocation) -> None:
    put(place, json.dumps(NEW))
    sound = put(place, '{"kind": "update"}', "local-1.history.json", "history/own/local")
    cut = put(place, '{"kind": ', "local-2.history.json", "history/own/local")
    checkpoints.mend(place)
    assert (sound.exists(), cut.exists()) == (True, False)


@pytest.mark.parametrize("content", ["", '{"kind": ', "\0\0\0"])
def test_an_entry_that_was_cut_off_after_the_clock_was_set_back_is_put_aside(
    place: StateLocation, content: str
) -> None:
    put(place, json.dumps(NEW))
    names = [f"local-{9000 + number}.history.json" for number in range(20)]
    later = [put(place, '{"kind": "update"}\n', name, "history/own/local") for name in names]
    cut = put(place, content, "local-1000.history.json", "history/own/local")
    noted = put(place, "null", "local-1000.history.json.attrs", "history/own/local")
    for _ in range(2):
        checkpoints.mend(place)
        assert not cut.exists()
        assert all(file.exists() for file in (*later, noted))
    assert len(list(cut.parent.glob(f"{cut.name}.damaged-*"))) == 1
    assert [file for file in cut.parent.iterdir() if file.name.count("damaged") > 1] == [], "once is enough"


def test_a_stack_that_somebody_holds_is_left_alone(place: StateLocation) -> None:
    file = put(place, "{")
    (place.root / ".pulumi" / "locks" / "organization" / "own" / "local").mkdir(parents=True)
    put(place, "{}", "a.json", "locks/organization/own/local")
    checkpoints.mend(place)
    assert file.read_text() == "{"


def test_a_stack_that_was_removed_is_not_brought_back(place: StateLocation) -> None:
    put(place, json.dumps(OLD), "local.json.bak")
    checkpoints.mend(place)
    assert place.state is None


def test_a_run_that_was_being_created_becomes_a_resource_of_the_state(place: StateLocation) -> None:
    put(place, json.dumps(state(pending=[{"type": "creating", "resource": resource()}])))
    checkpoints.mend(place)
    latest = now(place)["checkpoint"]["latest"]
    assert "pending_operations" not in latest
    (run,) = latest["resources"]
    assert run["id"] == "tiny-0123456789ab"
    assert run["inputs"] == INPUTS
    assert run["outputs"]["status"] == "Queued"
    assert run["parent"] == "p"


@pytest.mark.parametrize("operation", ["creating", "updating", "deleting", "reading", "importing"])
@pytest.mark.parametrize("kind", ["Run", "Image", "Pool", "Server"])
def test_what_else_was_pending_of_ours_begins_again_and_other_providers_are_left_alone(
    place: StateLocation, operation: str, kind: str
) -> None:
    there = resource(kind=kind, id="there")
    bucket = {"type": "creating", "resource": {"urn": "urn:b", "type": "azure-native:storage:StorageAccount"}}
    put(place, json.dumps(state(there, pending=[{"type": operation, "resource": resource(kind=kind)}, bucket])))
    checkpoints.mend(place)
    latest = now(place)["checkpoint"]["latest"]
    assert latest["resources"] == [there], "the state knows this resource already"
    assert latest["pending_operations"] == [bucket]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["checkpoint", "latest", "resources", "pending_operations", "resource", "type"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_in_a_states_place_ends_in_a_traceback(place: StateLocation, told: Any) -> None:
    put(place, json.dumps(OLD), "local.json.bak")
    put(place, json.dumps(told))
    checkpoints.mend(place)
    assert isinstance(now(place)["checkpoint"], dict)
