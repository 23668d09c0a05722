"""Reads the secrets, target and runs of a stack's file, and edits single keys without changing the rest of the text.

ruamel.yaml keeps comments but reformats indentation, blanks and long lines; and PyYAML is what set-up has.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from trainup.core import targets
from trainup.core.disk import replace_file
from trainup.toolchain.paths import SetupError
from trainup.toolchain.projects import Project, yaml_library

SALT = "encryptionsalt"
PROVIDER = "secretsprovider"
KEY = "encryptedkey"
PLAIN = re.compile(r"[A-Za-z0-9+/=:.?&_-]+")
"""Values that need no quotes to be a text in YAML, at least after a colon and a blank."""


@dataclass(frozen=True)
class StackFile:
    """The text of a stack's file."""

    path: Path
    text: str | None
    """None where the file does not exist."""
    project: Project = field(repr=False)

    @cached_property
    def _root(self) -> Any:
        """The root node, a map; None where the file is empty. Raises SetupError where it is no map, or no YAML."""
        yaml = yaml_library()
        try:
            # JSON may be indented with tabs, which YAML does not allow.
            text = (self.text or "").replace("\t", " ") if self.path.suffix == ".json" else self.text or ""
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            raise SetupError(f"{self.path} cannot be read as YAML: {error}") from error
        if root is not None and root.id == "scalar" and root.value in ("", "null", "~"):
            return None
        if root is not None and root.id != "mapping":
            raise SetupError(
                f"{self.path} has no map at its top: a stack file has `config:`, and the settings below it"
            )
        return root

    def value(self, name: str) -> str | None:
        """The value of a top-level key; None where it is not set or empty."""
        node = _entries(self._root).get(name)
        return str(node.value) if node is not None and isinstance(node.value, str) and node.value else None

    @property
    def salt(self) -> str | None:
        return self.value(SALT)

    @property
    def has_provider(self) -> bool:
        """Whether the secrets are encrypted by something other than a passphrase, such as a key vault."""
        return self.value(PROVIDER) not in (None, "passphrase", "default")

    @cached_property
    def has_secrets(self) -> bool:
        return "secure" in (self.text or "") and _has_secrets(_entries(self._root).get("config"))

    @cached_property
    def is_local(self) -> bool:
        """Whether the stack's target is this machine, the default where neither the file nor the project names one."""
        node = self._setting("target")
        written = str(node.value) if node is not None else None
        declaration = (self.project.settings.get("config") or {}).get("target") or {}
        default = declaration.get("value", declaration.get("default")) if isinstance(declaration, dict) else declaration
        return targets.is_on_this_machine(written or default or targets.DEFAULT)

    @property
    def runs(self) -> int:
        """How many runs the file declares."""
        return len(_entries(self._setting("runs")))

    @property
    def workspace(self) -> str | None:
        """The folder of the local workspace; None where the file does not set it."""
        node = _entries(self._setting("workspace")).get("path")
        return str(node.value) if node is not None and node.id == "scalar" else None

    def _setting(self, name: str) -> Any:
        """The node of one of trainup's settings; None where it is not set."""
        config = _entries(_entries_node(self._root, "config"))
        keys = (f"trainup:{name}", f"{self.project.name}:{name}", name)
        return next((config[key] for key in keys if key in config), None)

    def with_rerun(self, run: str, token: str) -> str | None:
        """The text with another `rerun` of a run; every other byte is unchanged. None where it declares no such run.

        Raises SetupError where the text of the run stands elsewhere: behind an alias, or in another form than a map.
        """
        node = _entries(self._setting("runs")).get(run)
        if node is None:
            return None
        text = self.text or ""
        edited = _with_entry(text, node, "rerun", f'"{token}"') if node.id == "mapping" and node.value else None
        if edited is None or not self._says(edited, run, token):
            raise SetupError(
                f"{self.path} declares {run} in a form that is not edited (an alias, or shared text): write "
                f'`rerun: "{token}"` into it by hand'
            )
        return edited

    def promoted(self, model: str) -> str | None:
        """The version of another stack that a model is; None where it names none."""
        node = _entries(_entries(self._setting("models")).get(model)).get("promoted")
        return str(node.value) if node is not None and node.id == "scalar" else None

    def with_promoted(self, model: str, reference: str) -> str:
        """The text in which a model is a version of another stack; every other byte is unchanged.

        Raises SetupError where the model is of a run, or the text cannot be edited so.
        """
        text, models, config = self.text or "", self._setting("models"), _entries_node(self._root, "config")
        own = _entries(models).get(model)
        if _entries(own).get("run") is not None:
            raise SetupError(
                f"{self.path} declares the model {model} of its own run {_entries(own)['run'].value}: take out `run` "
                "and `path`, since what is promoted is trained elsewhere"
            )
        shown = reference if PLAIN.fullmatch(reference) and self.path.suffix != ".json" else f'"{reference}"'
        edited = None
        if own is not None and own.id == "mapping" and own.value:
            edited = _with_entry(text, own, "promoted", shown)
        elif models is not None and models.id == "mapping" and models.value:
            edited = _with_entry(text, models, model, _nested(models, [("promoted", shown)]))
        elif config is not None and config.id == "mapping" and config.value and models is None:
            edited = _with_entry(text, config, "trainup:models", _nested(config, [(model, ""), ("promoted", shown)]))
        if edited is None or not self._differs_by_promotion(edited, model, reference):
            raise SetupError(
                f"{self.path} has a form that is not edited (an alias, or an empty map): write "
                f"`promoted: {reference}` into trainup:models.{model} by hand"
            )
        return edited

    def _differs_by_promotion(self, edited: str, model: str, reference: str) -> bool:
        """Whether an edited text can be read, and differs by nothing but what one model is promoted from."""
        after = StackFile(self.path, edited, self.project)
        try:
            old, new = _plain(self._root), _plain(after._root)
        except SetupError:
            return False
        if after.promoted(model) != reference:
            return False
        for content in (old, new):
            for key in [key for key in content.get("config") or {} if key.rpartition(":")[2] == "models"]:
                rest = {name: one for name, one in (content["config"][key] or {}).items() if name != model}
                own = {
                    name: one for name, one in (content["config"][key].get(model) or {}).items() if name != "promoted"
                }
                content["config"][key] = {**rest, **({model: own} if own else {})}
                if not content["config"][key]:
                    del content["config"][key]
        return bool(old == new)

    def _says(self, edited: str, run: str, token: str) -> bool:
        """Whether an edited text can be read, and differs by nothing but the `rerun` of one run."""
        try:
            after = StackFile(self.path, edited, self.project)._root
        except SetupError:
            return False
        return _differs_only(self._root, after, run, token)

    def with_values(self, values: dict[str, str]) -> str:
        """The text with these top-level keys set; every other byte is unchanged."""
        text = self.text or ""
        for name, value in values.items():
            text = StackFile(self.path, text, self.project)._with(name, value)
        return text

    def _with(self, name: str, value: str) -> str:
        text, root = self.text or "", self._root
        shown = value if PLAIN.fullmatch(value) and self.path.suffix != ".json" else '"' + value + '"'
        if (node := _entries(root).get(name)) is not None:
            start, end = int(node.start_mark.index), int(node.end_mark.index)
            return text[:start] + (" " if text[start - 1] == ":" else "") + shown + text[end:]
        if root is None:
            return text + ("\n" if text and not text.endswith("\n") else "") + f"{name}: {shown}\n"
        start = int(root.start_mark.index)
        if root.flow_style:
            return text[: start + 1] + f'"{name}": "{value}"' + (", " if root.value else "") + text[start + 1 :]
        return text[:start] + f"{name}: {shown}\n" + " " * int(root.start_mark.column) + text[start:]


def read(project: Project, stack: str) -> StackFile:
    """The file of a stack, which need not exist. Raises SetupError where it cannot be read."""
    return at(project.stack_file(stack), project)


def at(path: Path, project: Project) -> StackFile:
    """The stack file at a path, which need not exist. Raises SetupError where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return StackFile(path, file.read(), project)
    except FileNotFoundError:
        return StackFile(path, None, project)
    except (OSError, ValueError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from error


def write(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Replace a file atomically. `mode` defaults to the file's own, or 0o644 for a new one. Raises OSError."""
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    replace_file(path.resolve(), content, mode=mode, is_durable=True)


def _with_entry(text: str, node: Any, name: str, shown: str) -> str:
    """The text with an entry of a map set to a value that is written as `shown`."""
    if (value := _entries(node).get(name)) is not None:
        start, end = int(value.start_mark.index), int(value.end_mark.index)
        return text[:start] + (" " if text[start - 1] == ":" else "") + shown + text[end:]
    start = int(node.start_mark.index)
    if node.flow_style:
        return text[: start + 1] + f'"{name}": {shown}, ' + text[start + 1 :]
    line = "\r\n" if "\r\n" in text else "\n"
    shown = shown.replace("\n", line) if shown.startswith("\n") else f" {shown}"
    return text[:start] + f"{name}:{shown}{line}" + " " * int(node.start_mark.column) + text[start:]


def _nested(above: Any, path: list[tuple[str, str]]) -> str:
    """Maps within each other as the value of an entry of a map, each with one key; the last has the value."""
    if above.flow_style:
        return "".join(f'{{"{name}": {shown}' for name, shown in path) + "}" * len(path)
    indent = int(above.start_mark.column)
    return "".join(
        f"\n{' ' * (indent + 2 * depth)}{name}:{' ' if shown else ''}{shown}"
        for depth, (name, shown) in enumerate(path, 1)
    )


def _differs_only(before: Any, after: Any, run: str, token: str) -> bool:
    """Whether the edited text says the same, but for the `rerun` of one run."""
    old, new = _plain(before), _plain(after)
    key = next((name for name in old.get("config") or {} if run in _runs_of(old, name)), None)
    if key is None:
        return False
    old["config"][key][run] = {**old["config"][key][run], "rerun": token}
    return bool(old == new)


def _runs_of(content: Any, key: str) -> dict[str, Any]:
    value = content["config"][key]
    return value if key.rpartition(":")[2] == "runs" and isinstance(value, dict) else {}


def _plain(node: Any) -> Any:
    """The texts of a YAML document; an alias repeats what it stands for."""
    if node is None:
        return {}
    if node.id == "mapping":
        return {str(key.value): _plain(value) for key, value in node.value}
    return [_plain(item) for item in node.value] if node.id == "sequence" else node.value


def _entries(node: Any) -> dict[str, Any]:
    """Key → node of a map's entries; empty for a node that is no map."""
    if node is None or node.id != "mapping":
        return {}
    return {str(key.value): value for key, value in node.value}


def _entries_node(node: Any, name: str) -> Any:
    return _entries(node).get(name)


def _has_secrets(node: Any) -> bool:
    if node is None or node.id == "scalar":
        return False
    if node.id == "sequence":
        return any(_has_secrets(item) for item in node.value)
    entries = _entries(node)
    return list(entries) == ["secure"] or any(_has_secrets(item) for item in entries.values())
