"""`trainup plan` and `trainup diff` on this machine: what is told before an `up`, and of two runs after it.

`plans/` holds what was printed; `REWRITE_PLANS=1` writes it again.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine import scripts
from tests.support.project import Project
from trainup.cli.planning import markdown, texts

pytestmark = pytest.mark.engine

PLANS = Path(__file__).with_name("plans")
TOKEN = "ghp_" + "a1B2c3D4e" * 4


def trainup(project: Project, *words: str, columns: int = 80, code: int = 0) -> str:
    command = [sys.executable, "-m", "trainup.cli", *words, "--stack", project.stack]
    variables = {**project.environment, "COLUMNS": str(columns)}
    done = subprocess.run(command, cwd=project.folder, env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + (done.stderr if words[0] == "preview" else "")  # where the CLI shows messages beside a diff


def plan(project: Project, *words: str, code: int = 0) -> dict[str, Any]:
    return dict(json.loads(trainup(project, "plan", "--json", *words, code=code)))


def run(project: Project, name: str) -> dict[str, Any]:
    (told,) = [told for told in plan(project)["runs"] if told["name"] == name]
    return dict(told)


def reasons(project: Project, name: str) -> list[str]:
    return [reason["text"] for reason in run(project, name)["reasons"]]


def is_as_recorded(name: str, text: str) -> None:
    """Compare with the file, in which times, digests and speed are the same in every run."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "2026-01-01T00:00:00", text)
    text = re.sub(r"^(seconds +).*", r"\1…", text, flags=re.MULTILINE)
    text = re.sub(r"(the last one, [\w-]+)(?: |\n +)\(Completed\),(?:.|\n +)*", r"\1 …", text)
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    file = PLANS / f"{name}.txt"
    if os.environ.get("REWRITE_PLANS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def state_of(folder: Path) -> dict[str, bytes]:
    """Every file of the project, but for those of the Pulumi CLI itself."""
    own = ("home", "events-")
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(own)}


def test_a_plan_tells_what_an_up_does_and_why(project: Project) -> None:
    code = project.folder / "code"
    project.script(scripts.WITH_METRICS)
    project.script("*.log\ndata/\n", name=".gitignore")
    project.script("x" * 2000, name="train.log")
    project.script("1\n2\n", name="lib/größe.txt")
    (code / "weights.bin").write_bytes(bytes(range(256)))
    (code / "link.txt").symlink_to("lib/größe.txt")
    project.script("12345\n", source="pets", name="a.txt")
    variables = {"STARTS": "starts", "LEVEL": "one"}
    requirements = project.folder / "requirements.txt"
    requirements.write_text("")

    def configure(*words: str, **more: object) -> None:
        tiny = {"source": "code", "script": "main.py", "arguments": [*words, "0.5"], "environment_variables": variables}
        shell = {"source": "code", "command": ["bash", "-c", "cat ${{inputs.pets}}/a.txt"], "after": ["tiny"]}
        shell["inputs"] = {"pets": {"data": "pets"}}
        runs = {"tiny": {**tiny, **more}, "shell": shell}
        image = {"requirements": "requirements.txt"}
        project.configure(runs=runs, data={"pets": {"path": "pets"}}, image=image)

    configure("--epochs", "3")
    new = plan(project)
    for columns in (80, 160):
        is_as_recorded(f"new-{columns}", texts.as_text(new, columns))
    assert project.up().code == 0

    before = state_of(project.folder)
    unchanged = plan(project)
    assert set(unchanged["counts"]) == {"same"}
    assert unchanged["diagnostics"] == []
    assert [told["action"] for told in unchanged["runs"]] == ["same", "same"]
    assert "Diagnostics" not in project.run("preview").text, "an unchanged stack previews silently"
    assert state_of(project.folder) == before, "neither a plan nor a preview writes anything"

    # One edit of each kind.
    configure("--epochs", "5", timeout="1h", secrets=["TOKEN"])
    project.pulumi("config", "set", "--secret", "trainup:TOKEN", "hello-sesame-1")
    project.script(scripts.WITH_METRICS + "print('more')\nprint('hello-sesame-1')\n")
    project.script("1\r\n2\r\n", name="lib/größe.txt")
    (code / "weights.bin").rename(code / "model.bin")
    requirements.write_text("--only-binary :all:\n")
    project.script("other\n", source="pets", name="a.txt")
    is_as_recorded("changed-80", trainup(project, "plan", "--diff"))
    changed = plan(project, "--diff")
    is_as_recorded("changed-160", texts.as_text(changed, 160))
    is_as_recorded("changed-markdown", markdown.as_markdown(changed))
    shown = trainup(project, "preview", "--diff", "--non-interactive", "--color", "never")
    assert "why: code/lib/größe.txt changed (line ends LF → CRLF)" in shown
    assert "+print('more')" in shown
    for text in (shown, json.dumps(changed)):
        assert "sesame" not in text, "no value of a secret is shown, not even in a line of a file"
    told = project.up()
    assert told.code == 0, told.text
    assert any(line.startswith("why: code/lib/größe.txt changed") for line in told.said)

    first, second = sorted({path.parent.name for path in project.records() if path.parent.name.startswith("tiny-")})
    current = project.output()["runs"]["tiny"]["name"]
    former = first if second == current else second
    for columns in (80, 160):
        text = trainup(project, "diff", former, "tiny", "--diff", columns=columns)
        is_as_recorded(
            f"diff-{columns}", text.replace(former, "tiny-aaaaaaaaaaaa").replace(current, "tiny-bbbbbbbbbbbb")
        )
    assert json.loads(trainup(project, "diff", current, current, "--json"))["code"] == []

    # Another folder, a source without files, and a key that does not exist: findings in all three forms.
    project.script("print('other')\n", source="other")
    configure("--epochs", "5", source="other", timeout="1h")
    assert reasons(project, "tiny")[0] == "source: code → other (files: 1 changed, 4 removed)"
    (project.folder / "empty").mkdir()
    configure(TOKEN, source="empty", timout="1h")
    failed = plan(project, code=1)
    assert not failed["ok"]
    assert any("timout" in finding for finding in failed["findings"]), failed["findings"]
    for text in (trainup(project, "plan", code=1), markdown.as_markdown(failed)):
        assert "timout" in text
        assert TOKEN not in text
    assert TOKEN not in json.dumps(failed)
