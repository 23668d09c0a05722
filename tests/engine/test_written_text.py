"""What stands in the stack's file is what a script gets, or nothing: the real engine turns words into other values."""

import json
import re

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engine import scripts
from tests.support.project import Project
from trainup.core import written
from trainup.infra.stack_file import StackFile

pytestmark = pytest.mark.engine

CASE = """\
config:
  trainup:workspace: {tracking: none}
  trainup:runs:
    d:
      source: src
      script: show.py
      arguments: [--since, 2026-01-01, --id, 18446744073709551615, --zip, 00123, --ver, 1.10, --sha, 1234e5, --n, 1_000]
      environment_variables: {DAY: 2026-01-01}
      tags: {day: 2026-01-01}
"""
DAY = "2026-01-01 00:00:00 +0000 UTC"
TELL = "import json, os, pathlib\npathlib.Path(os.environ['CONFIG_TOLD']).write_text(os.environ['PULUMI_CONFIG'])\n"
WORDS = st.one_of(
    st.from_regex(r"[-+]?0?[xob_.]?[0-9a-f_]{1,18}", fullmatch=True),
    st.from_regex(r"[-+]?[0-9]{0,22}\.?[0-9]{0,8}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(
        r"[0-9]{4}-[01]?[0-9]-[0-3]?[0-9]([Tt ][0-9]{1,2}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3})?Z?)?", fullmatch=True
    ),
    st.from_regex(r"[0-9]{1,3}(:[0-5][0-9]){1,2}(\.[0-9])?", fullmatch=True),
    st.sampled_from(
        ["yes", "On", "n", "true", "FALSE", "~", "null", ".5", "5.", "-.5", "+.5", "-0", "0_", "_1", "1e400"]
    ),
)


def write(project: Project, text: str, name: str = "Pulumi.test.yaml") -> None:
    project.configure(runs={})
    kept = yaml.safe_load((project.folder / "Pulumi.test.yaml").read_text())
    del kept["config"]
    (project.folder / name).write_text(text + yaml.safe_dump(kept))


def test_changed_words_are_all_told_in_the_preview_and_quotes_are_the_way_out(project: Project) -> None:
    project.script("import sys, os\nprint(sys.argv[1:], os.environ['DAY'])\n", "src", "show.py")
    write(project, CASE)
    refused = project.preview()
    assert refused.code != 0
    assert "Pulumi.test.yaml has 8 problem(s)" in refused.text
    words = {1: "2026-01-01", 3: "18446744073709551615", 5: "00123", 7: "1.10", 9: "1234e5", 11: "1_000"}
    for index, word in words.items():
        assert f"trainup:runs.d.arguments[{index}]: {word} was written" in refused.text
    for key in ("environment_variables.DAY", "tags.day"):
        told = f"trainup:runs.d.{key}: 2026-01-01 was written, which YAML takes for a date and turns into {DAY}: "
        assert f"{told}put in quotes what is meant, '2026-01-01' or '{DAY}'" in refused.text

    quoted = re.sub(r"(?<= )([0-9][0-9e_.-]*)(?=[],}])", r"'\1'", CASE)
    write(project, quoted)
    done = project.up()
    assert done.code == 0, done.text
    assert "'2026-01-01', '--id', '18446744073709551615', '--zip', '00123', '--ver', '1.10'" in done.text
    assert "'1234e5', '--n', '1_000'] 2026-01-01" in done.text
    assert project.preview("--expect-no-changes").is_empty


def test_a_configuration_from_another_file_is_judged_by_its_values(project: Project) -> None:
    project.script(scripts.COUNTED)
    write(project, CASE)
    head = "config:\n  trainup:runs:\n    a:\n      source: code\n      script: main.py\n"
    write(project, f"{head}      rerun: 2026-01-01\n", "other.yaml")
    refused = project.preview("--config-file", "other.yaml")
    assert refused.code != 0
    assert f"trainup:runs.a.rerun: {DAY} is what becomes of a date that is not in quotes" in refused.text
    write(project, f"{head}      arguments: [--lr, 0.10]\n", "other.yaml")
    taken = project.preview("--config-file", "other.yaml")
    assert taken.code == 0, taken.text
    assert "warning: the configuration does not come from Pulumi.test.yaml" in taken.text
    assert "(0.1): put them in quotes" in taken.text


def test_every_word_stays_or_is_told_whatever_the_engine_makes_of_it(project: Project) -> None:
    """One preview of a great many words: the engine's rules are its own, and no list of ours has to know them all."""
    words: list[str] = []

    @settings(
        max_examples=1500,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    @given(WORDS.filter(lambda word: word.strip() == word and not word.startswith(("- ", "? ", ": ")) and word != "-"))
    def gather(word: str) -> None:
        words.append(word)

    gather()
    words = [word for word in dict.fromkeys(words) if word]
    (project.folder / "infra" / "__main__.py").write_text(TELL)
    told = project.folder / "told.json"
    project.environment["CONFIG_TOLD"] = str(told)
    listing = "".join(f"    - {word}\n" for word in words)
    write(project, f"config:\n  trainup:words:\n{listing}")
    shown = project.preview()
    assert shown.code == 0, shown.text

    arrived = json.loads(json.loads(told.read_text())["trainup:words"])
    marked, problems = StackFile(project.folder, "trainup", "test").marked("trainup:words", arrived)
    dates = {place[0] for place, _ in problems}
    assert len(arrived) == len(words) > 500
    changed = 0
    for index, (word, value) in enumerate(zip(words, marked, strict=True)):
        if value is None or isinstance(value, bool):
            continue  # no text of ours takes them
        is_told = index in dates or written.problem(value) is not None
        changed += is_told
        assert is_told == (str(value) != word), (word, value)
        assert written.is_placed(value), (word, value)
    assert changed > 100
