"""What a rehearsal of a project asks of its stack file, and of the folder it works in."""

from pathlib import Path

import pytest

from trainup.simulator.project import _secrets, _shown, configuration, settings
from trainup.simulator.rehearsal import NotHere, Rehearsal
from trainup.simulator.rehearse import LOCK, Failed, rehearse

GIVEN = {"azure-native:location": "westeurope", "azure-native:subscriptionId": "real", "trainup:target": "azure"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a stack."""
    made = tmp_path / "project"
    made.mkdir()
    (made / "Pulumi.yaml").write_text("name: trainup\nruntime: python\n")
    (made / "Pulumi.dev.yaml").write_text("config:\n  trainup:target: azure\n")
    return made


def content(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_the_stacks_configuration_is_made_the_rehearsals_own(running: Rehearsal) -> None:
    made = settings(GIVEN, running, {"runs": {}})
    assert made["azure-native:subscriptionId"] == running.azure.subscription
    assert made["trainup:access"] == {"users": [running.azure.deployer]}
    assert made["trainup:runs"] == {}


def test_a_stack_that_says_who_or_where_is_refused_with_all_that_is_to_be_taken_out(running: Rehearsal) -> None:
    settings(GIVEN, running, {})
    given = {f"azure-native:{key}": "x" for key in ("metadataHost", "clientSecret", "environment", "useOidc")}
    with pytest.raises(NotHere, match=r"metadataHost.*clientSecret.*environment.*useOidc"):
        settings({**GIVEN, **given}, running, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no `config:`"),
        ("secretsprovider: passphrase\n", "no `config:`"),
        ("config:\n", "no `config:`"),
        ("config: [a]\n", "no `config:`"),
        ("- a\n", "no `config:`"),
        ("config: {a: 1\n", "cannot be read as YAML"),
        ("config:\n\ta: 1\n", "cannot be read as YAML"),
        ("config: \x00\n", "cannot be read as YAML"),
    ],
)
def test_a_stack_file_that_configures_nothing_is_refused_with_what_is_missing(root: Path, text: str, told: str) -> None:
    (root / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(NotHere, match=told) as caught:
        configuration(root, "dev")
    assert "Pulumi.dev.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "read"),
    [
        ("{trainup:target: azure, own:runs: {}}", {"trainup:target": "azure", "trainup:runs": {}}),
        ("{target: azure, aws:region: moon}", {"trainup:target": "azure", "aws:region": "moon"}),
        # The program refuses what is there twice, and says so.
        ("{trainup:runs: {}, runs: {a: b}}", {"trainup:runs": {}, "own:runs": {"a": "b"}}),
    ],
)
def test_settings_below_a_projects_own_name_are_trainups(root: Path, config: str, read: dict[str, object]) -> None:
    (root / "Pulumi.yaml").unlink()
    (root / "Pulumi.yml").write_text("name: own\nstackConfigDir: stacks\n")
    (root / "stacks").mkdir()
    (root / "stacks" / "Pulumi.dev.yml").write_text(f"config: {config}\n")
    assert configuration(root, "dev") == read


def test_secrets_are_known_wherever_they_stand() -> None:
    secret = {"secure": "v1:x:y"}
    config = {"trainup:A.B": secret, "trainup:runs": {"r": {"arguments": ["a", secret], "x": {'A."B': secret}}}}
    paths = ["trainup:A.B", 'trainup:runs["r"]["arguments"][1]', 'trainup:runs["r"]["x"]["A.\\"B"]']
    assert [_shown(path) for path in _secrets(config)] == paths


def test_a_stack_that_is_not_there_is_told_with_those_that_are_and_nothing_is_removed(root: Path) -> None:
    folder = root / "rehearsal"
    folder.mkdir()
    (folder / LOCK).touch()
    (folder / "report.json").touch()
    before = content(root)
    with pytest.raises(NotHere, match=r"no .*Pulumi\.nosuch\.yaml.*dev"):
        rehearse(root, folder, stack="nosuch")
    assert content(root) == before


@pytest.mark.parametrize("entry", [".git/config", "notes.txt", "jobs/mine.txt", "backend/main.py", "Pulumi.yaml"])
def test_a_folder_that_no_rehearsal_has_made_is_refused_and_stays_as_it_was(root: Path, entry: str) -> None:
    folder = root / "precious"
    (folder / entry).parent.mkdir(parents=True)
    (folder / entry).write_text("precious")
    before = content(root)
    with pytest.raises(Failed, match=f"precious holds {entry.split('/')[0]}.*--folder"):
        rehearse(root, folder)
    assert content(root) == before


def test_something_of_ones_own_beside_what_a_rehearsal_left_keeps_all_of_it(root: Path) -> None:
    folder = root / "rehearsal"
    (folder / "jobs" / "tiny-1").mkdir(parents=True)
    (folder / LOCK).touch()
    for number in range(7):
        (folder / f"notes-{number}.txt").write_text("precious")
    before = content(root)
    with pytest.raises(Failed, match=r"holds notes-0.txt, .*notes-4.txt and 2 more"):
        rehearse(root, folder)
    assert content(root) == before
