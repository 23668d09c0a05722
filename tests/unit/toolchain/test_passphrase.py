"""The passphrase of local stacks: made once, outside of the repository, for nobody else."""

from pathlib import Path

import pytest

from trainup.toolchain import passphrase
from trainup.toolchain.paths import SetupError


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user's home, and a repository elsewhere."""
    monkeypatch.setattr(passphrase, "ROOT", tmp_path / "repository")
    monkeypatch.setattr(passphrase, "LINK", tmp_path / "repository" / ".trainup" / "passphrase")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    (tmp_path / "repository").mkdir()
    return tmp_path / "home"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_is_made_once_outside_of_the_repository_and_nobody_else_reads_it(home: Path) -> None:
    assert passphrase.find() is None
    assert passphrase.ensure() == passphrase.LINK
    made = home / ".local/share/trainup/passphrase"
    assert passphrase.LINK.readlink() == made
    assert (mode(made), mode(made.parent)) == (0o600, 0o700)
    word = passphrase.read(made)
    assert len(word) >= 43
    assert passphrase.read(passphrase.ensure()) == word
    assert [path.name for path in made.parent.iterdir()] == ["passphrase"]


def test_another_folder_for_data_is_used_and_a_stack_finds_its_own_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    word = passphrase.read(passphrase.ensure())
    assert (tmp_path / "data" / "trainup" / "passphrase").exists()
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # which the specification says to ignore
    assert passphrase.read(passphrase.ensure()) == word
    assert not home.exists()


def test_all_repositories_of_a_user_share_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    word = passphrase.read(passphrase.ensure())
    monkeypatch.setattr(passphrase, "LINK", tmp_path / "moved" / ".trainup" / "passphrase")
    (tmp_path / "moved").mkdir()
    assert passphrase.read(passphrase.ensure()) == word


@pytest.mark.parametrize("obstacle", ["a file", "in the repository"])
def test_without_a_home_that_can_be_written_it_stays_beside_the_state(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], obstacle: str
) -> None:
    if obstacle == "a file":
        home.write_text("")
    else:
        monkeypatch.setenv("HOME", str(passphrase.ROOT))
    made = passphrase.ensure()
    assert (made, made.is_symlink(), mode(made)) == (passphrase.LINK, False, 0o600)
    assert "is kept in" in capsys.readouterr().err
    assert passphrase.ensure() == made
    assert capsys.readouterr().err == ""


def test_where_it_can_be_kept_nowhere_that_is_told_with_the_way_out(home: Path) -> None:
    home.write_text("")
    (passphrase.ROOT / ".trainup").write_text("")
    with pytest.raises(SetupError, match="set PULUMI_CONFIG_PASSPHRASE_FILE"):
        passphrase.ensure()


def test_one_that_is_empty_is_made_anew_and_one_that_others_may_read_is_closed(home: Path) -> None:
    file = home / ".local/share/trainup/passphrase"
    file.parent.mkdir(parents=True)
    file.write_text("")
    word = passphrase.read(passphrase.ensure())
    file.chmod(0o644)
    assert passphrase.read(passphrase.ensure()) == word
    assert mode(file) == 0o600
