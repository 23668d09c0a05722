"""What git says of a project, as records keep it."""

import pytest

from trainup.core.git_state import GitState, without_credentials

TOKEN = "ghp_" + "a" * 36


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://github.com/owner/name.git", "https://github.com/owner/name.git"),
        (f"https://{TOKEN}@github.com/owner/name", "https://github.com/owner/name"),
        ("https://user:pass%40word@host:8443/name", "https://host:8443/name"),
        ("https://x-access-token:abc@github.com/o/n", "https://github.com/o/n"),
        ("https://host/name?private_token=abc#x", "https://host/name"),
        (f"https://dev.azure.com/{TOKEN}@organization/project", ""),
        (f"https://host/{TOKEN}/name", ""),
        ("git@github.com:owner/name.git", "git@github.com:owner/name.git"),
        ("ssh://git@host/name", "ssh://host/name"),
        ("/srv/git/name", "/srv/git/name"),
    ],
)
def test_an_address_is_kept_without_credentials(address: str, kept: str) -> None:
    assert without_credentials(address) == kept


@pytest.mark.parametrize("state", [GitState(), GitState("c", "main", "r", True), GitState("c", dirty=False)])
def test_a_state_is_read_back_as_it_was_written(state: GitState) -> None:
    assert GitState.from_dict(state.to_dict()) == state


@pytest.mark.parametrize("damaged", [None, [], "text", {"dirty": "yes"}, {"other": 1}])
def test_what_is_damaged_is_unknown(damaged: object) -> None:
    assert GitState.from_dict(damaged) == GitState()
