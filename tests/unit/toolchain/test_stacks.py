"""What a stack needs before the CLI works on it, and that the user's file stays the user's."""

import base64
import json
import os
from pathlib import Path

import pytest
import yaml

from trainup.toolchain import ciphers, environment, keys, passphrase, stacks
from trainup.toolchain.ciphers import Cipher
from trainup.toolchain.paths import SetupError
from trainup.toolchain.stacks import PreparedStack

KEPT = "config:\n  trainup:protect: false\n"


def prepare(stack: str = "local", *words: str) -> PreparedStack:
    return stacks.prepare(stack, os.environ, words or ("preview",))


def calls(repository: Path) -> list[str]:
    file = repository.parent / "calls"
    return file.read_text().splitlines() if file.exists() else []


def seen(repository: Path) -> dict[str, object]:
    """The stack's file that the CLI found where it was started."""
    return dict(yaml.safe_load((repository.parent / "seen").read_text()))


def state(stack: str = "local", salt: str | None = None, text: str = "") -> Path:
    """A state in the repository's backend, with a note of the backend beside it."""
    file = environment.BACKEND / ".pulumi" / "stacks" / "own" / f"{stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    providers = {"type": "passphrase", "state": {"salt": salt}} if salt else {}
    file.write_text(json.dumps({"checkpoint": {"latest": {"secrets_providers": providers, "text": text}}}))
    file.with_name(f"{file.name}.attrs").write_text('{"md5": "old"}')
    return file


def word() -> str:
    return passphrase.read(passphrase.ensure())


@pytest.mark.parametrize("text", [KEPT, "", "config:\n", "# mine\nconfig: {}\n", "{config: {}}"])
def test_a_local_stack_needs_no_salt_in_its_file(repository: Path, text: str) -> None:
    file = repository / "Pulumi.local.yaml"
    file.write_text(text)
    found = prepare()
    assert calls(repository) == ["stack init --no-select local"]
    assert file.read_text() == text
    *rest, option, copy = found.words(["preview", "--diff"])
    assert (rest, option) == (["preview", "--diff"], "--config-file")
    told = yaml.safe_load(Path(copy).read_text())
    assert told.pop("encryptionsalt") == seen(repository)["encryptionsalt"], "file and state agree"
    assert told == (yaml.safe_load(text) or {})
    assert ciphers.cipher_of(word(), str(seen(repository)["encryptionsalt"]))
    assert Path(copy).stat().st_mode & 0o077 == 0


def test_it_is_made_once_and_keeps_its_salt(repository: Path) -> None:
    salt = ciphers.new_salt(word())
    state(salt=salt)
    assert prepare().key == keys.Key(passphrase.LINK, salt)
    assert calls(repository) == []


def test_any_local_stack_is_as_good_as_the_first(repository: Path) -> None:
    (repository / "Pulumi.second.yaml").write_text("config: {}\n")
    found = prepare("second", "up")
    assert calls(repository) == ["stack init --no-select second"]
    assert found.words(["up"], sure=True)[-1] == "--yes"
    assert found.words(["up", "-y"], sure=True)[-1] != "--yes"
    assert "--yes" not in found.words(["preview"], sure=True)
    assert "--yes" not in found.words(["up"])


def test_a_stack_that_may_cost_something_is_made_by_who_asks_for_it_alone(repository: Path) -> None:
    (repository / "Pulumi.dev.yaml").write_text("config: {trainup:target: azure}\n")
    found = prepare("dev", "up")
    assert calls(repository) == []
    assert found.words(["up"], sure=True) == ["up"]
    assert found.key is None


def test_whose_passphrase_another_stack_has_is_left_alone(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    given = {"PULUMI_CONFIG_PASSPHRASE": "mine", "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase.LINK), "A": "b"}
    (repository / "Pulumi.dev.yaml").write_text("config: {trainup:target: azure}\n")
    assert prepare("dev").variables(given) == {"PULUMI_CONFIG_PASSPHRASE": "mine", "A": "b"}
    local = prepare("local").variables(given)
    assert "PULUMI_CONFIG_PASSPHRASE" not in local, "it would not fit this one"
    assert passphrase.read(Path(local["PULUMI_CONFIG_PASSPHRASE_FILE"])) == word()


@pytest.mark.parametrize("where", ["file", "state"])
def test_a_stack_with_a_passphrase_of_its_own_is_asked_for_no_other(
    repository: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    salt = ciphers.new_salt("mine")
    if where == "file":
        (repository / "Pulumi.local.yaml").write_text(f"config: {{}}\nencryptionsalt: {salt}\n")
    state(salt=salt)
    assert prepare().key is None
    assert "is encrypted by another passphrase than the one in" in capsys.readouterr().err


def test_other_providers_of_secrets_and_backends_that_keep_them_need_no_passphrase(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "Pulumi.local.yaml").write_text("config: {}\nsecretsprovider: azurekeyvault://x\n")
    assert prepare().key is None
    (repository / "Pulumi.local.yaml").write_text(KEPT)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com")
    assert prepare().key is None
    assert passphrase.find() is None


@pytest.mark.parametrize("words", [["up", "-c", "a=b"], ["up", "--config=a=b"], ["config", "set", "--secret", "a"]])
def test_what_writes_the_stacks_file_is_given_the_file_itself(repository: Path, words: list[str]) -> None:
    assert prepare("local", *words).words(words) == words


def test_a_copy_is_named_before_what_is_no_option(repository: Path) -> None:
    made = prepare().words(["import", "--", "a"])
    assert made[:2] + made[3:] == ["import", "--config-file", "--", "a"]


@pytest.mark.parametrize("operation", ["up", "preview", "refresh", "destroy", "cancel"])
def test_a_stack_that_was_removed_with_its_file_is_told_in_a_sentence(repository: Path, operation: str) -> None:
    (repository / "Pulumi.local.yaml").rename(repository / "Pulumi.renamed.yaml")
    with pytest.raises(SetupError, match=r"there is no Pulumi\.local\.yaml.*git checkout.*renamed has one"):
        prepare("local", operation)
    assert calls(repository) == []


def test_what_runs_no_program_goes_on_without_a_file_while_the_stack_is_there(repository: Path) -> None:
    (repository / "Pulumi.local.yaml").unlink()
    salt = ciphers.new_salt(word())
    state(salt=salt)
    with pytest.raises(SetupError, match=r"there is no Pulumi\.local\.yaml"):
        prepare("local", "up")
    copy = Path(prepare("local", "destroy").words(["destroy"])[-1])
    assert yaml.safe_load(copy.read_text()) == {"encryptionsalt": salt}
    assert not (repository / "Pulumi.local.yaml").exists()


def test_a_project_that_is_configured_in_its_own_file_needs_no_stack_file(repository: Path) -> None:
    (repository / "Pulumi.yaml").write_text("name: own\nconfig: {trainup:runs: {value: {}}}\n")
    (repository / "Pulumi.local.yaml").unlink()
    state(salt=ciphers.new_salt(word()))
    assert prepare("local", "up").key


def test_a_new_stack_of_another_kind_adds_its_lines_to_its_file_and_no_others(repository: Path) -> None:
    file = repository / "Pulumi.dev.yaml"
    file.write_text("# mine\nconfig:\n  trainup:target:   azure  # there\n  trainup:protect: false\n")
    before = file.read_text()
    cli = repository.parent / "path" / "pulumi"
    salt = ciphers.new_salt("mine")
    cli.write_text(f"#!/bin/sh\necho 'encryptionsalt: {salt}' > Pulumi.dev.yaml\n")
    stacks.make("dev", os.environ, "")
    assert file.read_text() == before.replace("config:", f"encryptionsalt: {salt}\nconfig:")


def test_making_a_stack_without_a_file_makes_one_to_fill_in(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks.make("new", os.environ, "")
    assert (repository / "Pulumi.new.yaml").read_text() == "config: {}\n"
    assert "has no settings yet" in capsys.readouterr().err
    assert prepare("new").key


def test_a_stack_that_cannot_be_made_is_told(repository: Path) -> None:
    (repository.parent / "path" / "pulumi").write_text("#!/bin/sh\necho 'no space' >&2\nexit 1\n")
    with pytest.raises(SetupError, match="stack 'local' could not be made:\nno space"):
        prepare()
    assert list((repository / ".trainup").glob("new.*")) == []


def public(text: str) -> str:
    found = ciphers.cipher_of(keys.PUBLIC_PASSPHRASE, keys.PUBLIC_SALT)
    assert found
    return found.encrypt(text)


@pytest.mark.parametrize("has_salt", [True, False])
def test_what_the_public_passphrase_encrypted_is_taken_over_wherever_it_lies(repository: Path, has_salt: bool) -> None:
    file = repository / "Pulumi.local.yaml"
    line = f"encryptionsalt: {keys.PUBLIC_SALT}\n" if has_salt else ""  # as a merge with our own file may take it out
    file.write_text(
        f"# mine\nconfig:\n  trainup:protect:   false\n  trainup:TOKEN: {{secure: {public('t0ken')}}}\n{line}"
    )
    kept = state(salt=keys.PUBLIC_SALT, text=public("in the state"))
    backup = environment.BACKEND / ".pulumi" / "backups" / "own" / "local" / "local.1.json"
    backup.parent.mkdir(parents=True)
    backup.write_text(json.dumps({"salt": keys.PUBLIC_SALT, "text": public("in a backup")}))
    other = state("other", keys.PUBLIC_SALT).read_text()

    found = prepare()
    told = yaml.safe_load(file.read_text())
    cipher = ciphers.cipher_of(word(), told["encryptionsalt"])
    assert cipher
    assert cipher.decrypt(told["config"]["trainup:TOKEN"]["secure"]) == "t0ken"
    assert "  trainup:protect:   false\n" in file.read_text()
    for path, text in ((kept, "in the state"), (backup, "in a backup")):
        content = path.read_text()
        assert keys.PUBLIC_SALT not in content
        assert f'"{told["encryptionsalt"]}"' in content
        assert [cipher.decrypt(token) for token in ciphers.TOKEN.findall(content) if cipher.decrypt(token)][-1] == text
        assert path.stat().st_mode & 0o077 == 0
    note = json.loads(kept.with_name("local.json.attrs").read_text())
    assert len(base64.b64decode(note["md5"])) == 16
    assert (environment.BACKEND / ".pulumi/stacks/own/other.json").read_text() == other
    assert found.words(["up"]) == ["up"], "the file has a salt now"

    before = (file.read_text(), kept.read_text(), backup.read_text())
    assert prepare().key == found.key
    assert (file.read_text(), kept.read_text(), backup.read_text()) == before


def test_a_file_with_the_public_salt_and_no_secret_stays_as_it_is(repository: Path) -> None:
    file = repository / "Pulumi.local.yaml"
    text = f"config: {{}}\nencryptionsalt: {keys.PUBLIC_SALT}\n"
    file.write_text(text)
    state(salt=keys.PUBLIC_SALT)
    copy = Path(prepare().words(["up"])[-1])
    assert file.read_text() == text
    assert ciphers.cipher_of(word(), yaml.safe_load(copy.read_text())["encryptionsalt"])


def test_a_takeover_that_was_cut_off_is_finished_by_the_next(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = repository / "Pulumi.local.yaml"
    file.write_text(f"config: {{a:b: {{secure: {public('x')}}}}}\nencryptionsalt: {keys.PUBLIC_SALT}\n")
    kept = state(salt=keys.PUBLIC_SALT, text=public("y"))
    with monkeypatch.context() as patch:
        patch.setattr(keys.stack_files, "write", _fail_at(file))
        with pytest.raises(KeyboardInterrupt):
            prepare()
    assert keys.PUBLIC_SALT in file.read_text()
    prepare()
    told = yaml.safe_load(file.read_text())
    for text, salt in ((file.read_text(), told["encryptionsalt"]), (kept.read_text(), _salt(kept))):
        cipher = ciphers.cipher_of(word(), salt)
        assert cipher
        assert {cipher.decrypt(token) for token in ciphers.TOKEN.findall(text)} & {"x", "y"}


def _salt(kept: Path) -> str:
    return str(json.loads(kept.read_text())["checkpoint"]["latest"]["secrets_providers"]["state"]["salt"])


def _fail_at(file: Path):  # type: ignore[no-untyped-def]
    write = keys.stack_files.write

    def cut_off(path: Path, *rest: object) -> None:
        if path == file:
            raise KeyboardInterrupt
        write(path, *rest)  # type: ignore[arg-type]

    return cut_off


def test_a_stack_that_somebody_works_on_is_not_taken_over(repository: Path) -> None:
    state(salt=keys.PUBLIC_SALT)
    lock = environment.BACKEND / ".pulumi" / "locks" / "organization" / "own" / "local" / "x.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": 1, "hostname": "elsewhere"}))
    with pytest.raises(SetupError, match="wait for its end"):
        prepare()


def test_a_backend_of_before_is_closed_to_others(repository: Path) -> None:
    kept = state(salt=ciphers.new_salt(word()))
    for path in (environment.BACKEND, kept.parent):
        path.chmod(0o755)
    kept.chmod(0o644)
    prepare()
    assert [path.stat().st_mode & 0o077 for path in (environment.BACKEND, kept.parent, kept)] == [0, 0, 0]


def test_what_fits_is_found_out_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state(salt=ciphers.new_salt(word()))
    prepare()
    monkeypatch.setattr(Cipher, "of", lambda *_: pytest.fail("found out again"))
    prepare()


@pytest.mark.parametrize(
    ("operation", "is_held"), [("up", True), ("destroy", True), ("preview", False), ("pre", False)]
)
def test_the_stack_is_held_by_what_changes_it_and_by_nothing_else(
    repository: Path, operation: str, is_held: bool
) -> None:
    assert bool(prepare("local", operation).location) is is_held
