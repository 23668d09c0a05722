"""The pages in docs/: their settings are valid, and the commands in them exist."""

import re
from pathlib import Path

import pytest
import yaml

from trainup.cli.__main__ import COMMANDS, trainup
from trainup.infra import offline

REPOSITORY = Path(__file__).parents[3]
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
SNIPPETS = [
    pytest.param(snippet, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, snippet in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
]
KNOWN = {name for names in COMMANDS.values() for name in names}


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_settings_in_the_pages_are_valid(snippet: str, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(snippet)
    assert offline.settings_of(tmp_path, "dev").target == yaml.safe_load(snippet)["config"]["trainup:target"]


@pytest.mark.parametrize("page", [*PAGES, REPOSITORY / "README.md"], ids=lambda page: page.stem)
def test_commands_in_the_pages_exist_with_their_options(page: Path) -> None:
    text = page.read_text().replace("trainup\nroles", "trainup roles").replace("trainup doctor\n", "trainup doctor ")
    calls = re.findall(r"(?:`|\$ )trainup ([a-z-]+)([^`\n|]*)", text)
    assert {name for name, _ in calls} <= KNOWN | {"init"}
    for name, rest in calls:
        command = trainup.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        if command.context_settings.get("ignore_unknown_options"):
            continue
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        used = set(re.findall(r"(?<![\w-])--[a-z-]+", re.sub(r"\$\(.*?\)", "", rest)))
        assert used <= options, f"trainup {name}{rest}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "settings"], ids=lambda page: page.stem)
def test_keys_in_the_pages_are_in_the_reference(page: Path) -> None:
    reference = (REPOSITORY / "docs" / "settings.md").read_text()
    for section, key in re.findall(r"`trainup:([a-z_]+)(?:\.([a-z_]+))?[:`]", page.read_text()):
        assert f"## `trainup:{section}`" in reference
        assert not key or f"| `{key}` |" in reference
