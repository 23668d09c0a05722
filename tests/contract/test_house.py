"""How the house is built: which room may know which, and what every component tells a stranger."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pulumi
import pytest

from trainup.components.schema import analyze
from trainup.core.targets import TARGETS

REPOSITORY = Path(__file__).parents[2]
ROOMS = REPOSITORY / "src" / "trainup"

MAY_KNOW: dict[str, set[str]] = {
    "core": set(),
    "jobs": {"core"},
    "provider": {"core", "jobs"},
    "components": {"core"},
    "infra": {"components", "core"},
    "cli": {"core", "infra", "jobs", "report", "toolchain", "verification"},
    "report": {"core", "jobs"},
    "simulator": {"core", "verification"},
    "training": set(),
    "toolchain": {"core"},
    "verification": {"core", "jobs"},
}
"""Room → the other rooms it may import from."""

SPEAKS_PULUMI = {"components", "infra", "provider", "simulator/plugins", "toolchain/language"}
SPEAKS_AZURE_NATIVE = {"components/azure"}
OF_USERS = ("components", "infra", "training")
"""The rooms that stand at the top of the repository, under the names that users know; the others are in `src`."""


def place_of(room: str) -> Path:
    return REPOSITORY / room if room.split("/")[0] in OF_USERS else ROOMS / room


@cache
def sources(room: str) -> list[Path]:
    return [path for path in place_of(room).rglob("*.py") if "__pycache__" not in path.parts]


def module_of(path: Path) -> str:
    inside = path.relative_to(ROOMS if path.is_relative_to(ROOMS) else REPOSITORY).with_suffix("")
    return ".".join(["trainup", *inside.parts]).removesuffix(".__init__")


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All that a file consists of: read once for all tests of this file."""
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, wherever in it."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(path: Path) -> set[str]:
    """The rooms of ours that a file imports from."""
    found = set()
    for name in imports(path):
        first, *rest = name.split(".")
        if first == "trainup" and rest:
            found.add(rest[0])
        elif first in ("bench", "tests"):
            found.add(first)
    return found


@pytest.mark.parametrize("room", MAY_KNOW)
def test_a_room_knows_only_those_below_it(room: str) -> None:
    strangers = {
        str(path.relative_to(REPOSITORY)): sorted(unknown)
        for path in sources(room)
        if (unknown := rooms(path) - MAY_KNOW[room] - {room})
    }
    assert strangers == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "speakers"), [("pulumi", SPEAKS_PULUMI), ("pulumi_azure_native", SPEAKS_AZURE_NATIVE)]
)
def test_a_library_stays_where_it_is_spoken(library: str, speakers: set[str]) -> None:
    found = [
        str(path.relative_to(REPOSITORY))
        for room in MAY_KNOW
        for path in sources(room)
        if any(name.split(".")[0] == library for name in imports(path))
        and not any(path.is_relative_to(place_of(speaker)) for speaker in speakers)
    ]
    assert found == []


def test_the_program_fits_on_a_page() -> None:
    assert len((REPOSITORY / "infra" / "__main__.py").read_text().splitlines()) < 60


def components() -> list[type[pulumi.ComponentResource]]:
    found = []
    for path in sources("components"):
        name = module_of(path)
        for _, item in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(item, pulumi.ComponentResource) and item.__module__ == name:
                found.append(item)
    return found


COMPONENTS = sorted(components(), key=lambda component: component.__name__)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_a_component_can_be_hosted_and_describes_every_input_and_output(component: Any) -> None:
    """The schema is what users of other languages would see (Pulumi's component provider)."""
    definition = analyze([component])["component_definitions"][component.__name__]
    assert definition.description
    assert definition.outputs
    described = {**definition.inputs, **definition.outputs}
    assert [name for name, item in described.items() if not item.description] == []


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_a_component_is_made_of_a_name_arguments_and_options(component: Any) -> None:
    parameters = inspect.signature(component.__init__).parameters
    assert list(parameters) == ["self", "name", "args", "opts"]
    assert parameters["args"].annotation.__name__ == f"{component.__name__}Args"


def test_azure_nouns_and_their_local_twins_have_the_same_outputs() -> None:
    by_name = {component.__name__: set(component.__annotations__) for component in COMPONENTS}
    twins = {
        "Workspace": ("LocalWorkspace", {"workspace_id", "name", "tracking_uri"}),
        "ContainerRegistry": ("LocalRegistry", {"registry_id", "login_server"}),
        "GpuCluster": ("LocalCluster", {"cluster_id", "name"}),
        "CustomImage": ("LocalImage", {"reference", "environment_id"}),
        "DataAsset": ("LocalData", {"data_id", "uri", "digest"}),
    }
    for azure, (local, seam) in twins.items():
        assert by_name[local] == seam
        assert by_name[azure] >= seam


def test_every_command_that_the_readme_names_exists() -> None:
    text = (REPOSITORY / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make (?:-s )?([a-z][a-z-]*)", text)) <= targets | {"env"}


def test_no_link_in_the_documents_is_dead() -> None:
    for document in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_users_names_are_the_packages_names() -> None:
    """One folder each, by a link: editors, type checkers and wheels see what users see."""
    for room in ("components", "infra"):
        assert (ROOMS / room).is_symlink()
        assert (ROOMS / room).resolve() == REPOSITORY / room


def test_no_file_needs_itself() -> None:
    """Not even by way of others, nor by an import inside a function or for types alone."""
    files = {module_of(path): path for room in MAY_KNOW if room != "training" for path in sources(room)}
    needs = {module: {name for name in imports(path) if name in files} - {module} for module, path in files.items()}
    for package in [module for module, path in files.items() if path.name == "__init__.py"]:
        for needed in needs.values():  # `from package import file` needs the file alone
            if any(name.startswith(f"{package}.") for name in needed):
                needed.discard(package)
    list(TopologicalSorter(needs).static_order())  # CycleError tells the circle


def test_no_package_imports_at_once_what_others_import_of_it() -> None:
    """Else two threads can lock each other out, of which one imports the package and the other one of its files.

    Python ends that with an error (python/cpython#83065). Imports for types, and in functions, do no harm.
    """
    files = [path for room in MAY_KNOW for path in sources(room)] + [ROOMS / "__init__.py"]
    of_others = {name for path in files if path.name != "__init__.py" for name in imports(path)}
    of_packages = {
        name
        for path in files
        if path.name == "__init__.py"
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.ImportFrom)
        for name in (statement.module, *(f"{statement.module}.{alias.name}" for alias in statement.names))
        if name and name.startswith(f"{module_of(path)}.")
    }
    assert of_packages & of_others == set()


def test_methods_of_protocols_say_that_they_have_no_body() -> None:
    """A docstring alone looks like a method that returns None; with `...` a type checker knows that it is declared."""
    bare = [
        f"{module_of(path)}.{declared.name}.{method.name}"
        for room in MAY_KNOW
        for path in sources(room)
        for declared in nodes(path)
        if isinstance(declared, ast.ClassDef) and "Protocol" in map(ast.unparse, declared.bases)
        for method in declared.body
        if isinstance(method, ast.FunctionDef) and ast.unparse(method.body[-1]) != "..."
    ]
    assert bare == []


def test_the_program_reads_the_configuration_once() -> None:
    assert [path.name for path in sources("infra") if "StackConfig.read()" in path.read_text()] == ["program.py"]


@pytest.mark.parametrize("file", ["program.py", "azure.py", "edges.py", "local.py"])
def test_what_components_get_is_typed_without_a_cast(file: str) -> None:
    assert "typing.cast" not in imports(REPOSITORY / "infra" / file)


def is_of_target(path: Path) -> bool:
    """Whether a file belongs to one target, by the name of the file or of a folder that it lies in."""
    inside = path.relative_to(ROOMS if path.is_relative_to(ROOMS) else REPOSITORY).with_suffix("")
    return any(part == name or part.startswith(f"{name}_") for part in inside.parts for name in TARGETS)


def choices(path: Path) -> Iterator[ast.expr]:
    """What a file compares with, looks up, matches, or falls back to."""
    for node in nodes(path):
        match node:
            case ast.Compare():
                yield from (node.left, *node.comparators)
            case ast.Subscript():
                yield node.slice
            case ast.Dict():
                yield from (key for key in node.keys if key is not None)
            case ast.MatchValue():
                yield node.value
            case ast.BoolOp():
                yield from node.values
            case ast.Call(func=ast.Attribute(attr="get")):
                yield from node.args


def test_only_the_registry_and_the_targets_themselves_choose_by_name() -> None:
    """`core/targets.py` says what the others need to know of a target, so that another one is a line there."""
    registry = place_of("core") / "targets.py"
    found = {
        f"{path.relative_to(REPOSITORY)}:{expression.lineno}"
        for room in MAY_KNOW
        for path in sources(room)
        if path != registry and not is_of_target(path)
        for choice in choices(path)
        for expression in ast.walk(choice if isinstance(choice, ast.Tuple | ast.List | ast.Set) else ast.Expr(choice))
        if isinstance(expression, ast.Constant) and expression.value in TARGETS
    }
    assert found == set()


@pytest.mark.parametrize("target", TARGETS)
def test_every_layer_has_its_part_of_a_target(target: str) -> None:
    assert callable(importlib.import_module(f"trainup.core.{target}_inputs").findings)
    opening = importlib.import_module(f"trainup.jobs.{target}.opening")
    assert {"open_target", "request_of", "cluster_statuses"} <= vars(opening).keys()
    assert importlib.import_module(f"trainup.infra.{target}_settings").DECLARATION.judged.keys() == {"image", "data"}
    assert (place_of("infra") / f"{target}.py").is_file()
    assert (place_of("components") / target / "__init__.py").is_file()
