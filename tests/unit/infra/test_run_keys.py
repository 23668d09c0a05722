"""What repeats the declarations of a run's keys says the same; each failure tells what to write, and where."""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from trainup.components.run import TrainingRun, TrainingRunArgs
from trainup.core import input_values as kinds
from trainup.core.declaration import Role, RunKey
from trainup.core.run_keys import KEYS, InputKeys
from trainup.core.spec_keys import SpecKeys
from trainup.infra.run_settings import RunSettings, form_of

REPOSITORY = Path(__file__).parents[3]
OF_STACKS = {name: key for name, key in KEYS.items() if key.in_stack}
HINTS = get_type_hints(InputKeys) | get_type_hints(SpecKeys)
MEANS = {Role.LOCATION: "another run", Role.IDENTITY: "trains again", Role.POLICY: "changed in place"}


def documented(declared: type) -> dict[str, str]:
    """Field → the text below it in the source, where editors, Pulumi and people look for it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(declared))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def type_of(name: str) -> str:
    """What the type of the component's argument is made of, by the type of the declared value."""
    hint = HINTS[name]
    kind = next(part for part in (get_args(hint) if isinstance(hint, UnionType) else (hint,)) if part is not NoneType)
    kind = get_origin(kind) or kind
    if issubclass(kind, StrEnum) or KEYS[name].parse is kinds.duration:
        return "str"
    return {tuple: "list[", Mapping: "dict["}.get(kind) or str(kind.__name__)


def row(key: RunKey) -> str:
    return f"| `{key.argument}` | {MEANS[key.role]} | {key.local or 'nothing'} | {key.azure} |"


@pytest.mark.parametrize("name", KEYS)
def test_the_component_has_an_argument_for_every_key_with_its_text(name: str) -> None:
    key = KEYS[name]
    assert documented(TrainingRunArgs).get(key.argument) == key.doc, (
        f"give TrainingRunArgs (components/run.py) the argument {key.argument}: NotRequired[pulumi.Input[…] | None], "
        f"and below it the text of the declaration: {key.doc}"
    )


@pytest.mark.parametrize("name", KEYS)
def test_the_component_has_the_type_of_every_key(name: str) -> None:
    annotation = str(TrainingRunArgs.__annotations__.get(KEYS[name].argument))
    assert type_of(name) in annotation, f"{name} is {type_of(name)} by its declaration: say so in TrainingRunArgs"


def test_the_component_has_no_argument_that_is_no_key() -> None:
    strange = TrainingRunArgs.__annotations__.keys() - {key.argument for key in KEYS.values()}
    assert not strange, f"declare {', '.join(sorted(strange))} in core/run_keys.py or core/spec_keys.py"


def test_the_component_takes_its_name_for_that_of_the_run_and_needs_what_else_every_run_needs() -> None:
    assert TrainingRunArgs.__required_keys__ == {key.argument for key in KEYS.values() if key.required} - {"run_name"}


def test_the_table_of_the_component_says_what_each_key_does_on_each_target() -> None:
    rows = [line.strip() for line in (TrainingRun.__doc__ or "").splitlines() if line.strip().startswith("| `")]
    declared = [row(key) for key in KEYS.values()]
    missing, strange = [one for one in declared if one not in rows], [one for one in rows if one not in declared]
    assert not missing, "add to the table in TrainingRun's docstring (components/run.py):\n" + "\n".join(missing)
    assert not strange, "take out of the table in TrainingRun's docstring (components/run.py):\n" + "\n".join(strange)
    assert rows == declared, "put the table in TrainingRun's docstring (components/run.py) in the order of KEYS"


def readme_rows() -> dict[str, str]:
    """Key → its row in the table of README.md."""
    text = (REPOSITORY / "README.md").read_text()
    table = text[text.index("| key of a run |") :].split("\n\n")[0].splitlines()[2:]
    found = [(name, line) for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert len(dict(found)) == len(found), "a key stands in two rows of README's table of the keys of a run"
    return dict(found)


def test_the_readme_has_every_key_of_a_stack_and_no_other() -> None:
    rows = readme_rows().keys() - {"sweep"}  # which makes many runs of one, and has the keys of `core/sweeps`
    missing, strange = OF_STACKS.keys() - rows, rows - OF_STACKS.keys()
    assert not missing, f"README.md: add {', '.join(sorted(missing))} to the table of the keys of a run"
    assert not strange, f"README.md: {', '.join(sorted(strange))} is no key of a run: take it out of the table"


@pytest.mark.parametrize("name", [name for name, key in OF_STACKS.items() if not key.local])
def test_the_readme_says_which_keys_are_for_azure_alone(name: str) -> None:
    assert "Azure" in readme_rows().get(name, ""), f"README.md: say that {name} does something on Azure only"


def test_stack_files_have_the_keys_that_are_theirs() -> None:
    assert RunSettings.model_fields.keys() == {*OF_STACKS, "sweep"}


def test_a_kind_that_no_stack_file_can_write_yet_is_told_with_the_way_out() -> None:
    def colour(value: Any) -> str:
        return str(value)

    with pytest.raises(TypeError, match=r"the key paint of a run .* say how in FORMS \(infra/run_settings.py\)"):
        form_of("paint", colour)


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if not key.required])
def test_what_may_be_left_out_says_what_happens_then(name: str) -> None:
    exempt = ("source", "script", "command")  # one of which is always there
    assert name in exempt or "Defaults to" in KEYS[name].doc, f"{name}: end its text with `Defaults to …`"
