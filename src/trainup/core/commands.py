"""Checks of a command before it runs: expressions that are never filled in, scripts that Python cannot run."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from trainup.core.suggest import nearest
from trainup.core.sweeps import places

EXPRESSION = re.compile(r"\$\{\{\s*(inputs|outputs)\.([A-Za-z0-9_-]+)\s*\}\}")
"""`${{inputs.NAME}}` and `${{outputs.NAME}}` in a command."""
ANY = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
"""Any text that looks like an expression."""
FILLED = "a command takes ${{inputs.NAME}} and ${{outputs.NAME}}"

INTERPRETERS = {
    ".sh": "bash",
    ".bash": "bash",
    ".zsh": "zsh",
    ".fish": "fish",
    ".r": "Rscript",
    ".jl": "julia",
    ".js": "node",
    ".mjs": "node",
    ".ts": "node",
    ".pl": "perl",
    ".rb": "ruby",
    ".lua": "lua",
    ".ps1": "pwsh",
}
"""File extension of scripts in other languages → the program that runs them."""
PYTHON = re.compile(r"python(?:3(?:\.\d+)?)?|torchrun|accelerate|deepspeed|pip3?")
USUAL = re.compile(r"^/(?:usr|opt|bin)(?:/|$)|/(?:\.?v?envs?|\w*(?:conda|python|azureml)[\w.-]*)(?:/|$)")
"""Folders in which images keep a Python."""


def unfilled(text: str, inputs: Iterable[str]) -> Iterator[str]:
    """One sentence for each expression in the text that would not be filled in; `inputs` are the names of inputs."""
    names = sorted(inputs)
    for match in ANY.finditer(text):
        expression = EXPRESSION.fullmatch(match[0])
        if expression is None:
            yield _unfilled(match[0], match[1].strip(), names)
        elif expression[1] == "inputs" and (name := expression[2]) not in names:
            reason = f"{match[0]} names no input of this run; its `inputs` are: {', '.join(names) or 'none'}"
            yield reason + _suggestion(name, names)


def expressions(text: str) -> list[str]:
    """All texts that look like expressions."""
    return [match[0] for match in ANY.finditer(text)]


def _unfilled(expression: str, inner: str, names: list[str]) -> str:
    kind, _, name = inner.partition(".")
    if kind == "secrets":
        variable = name or "NAME"
        return f"{expression} is filled in by nothing: name the secret in `secrets`, and read the variable {variable}"
    if kind == "parent":
        return f"{expression} is filled in within pipelines alone, and a run stands by itself: {FILLED}"
    if kind == "search_space":
        return f"{expression} is filled in by sweeps alone: {places.HOW}"
    guess = nearest(kind, ("inputs", "outputs")) if name else None
    suggestion = f"; did you mean ${{{{{guess}.{name}}}}}?" if guess else ""
    return f"{expression} is filled in by nothing: {FILLED}{suggestion}"


def _suggestion(name: str, names: list[str]) -> str:
    guess = nearest(name, names)
    return f"; did you mean {guess}?" if guess else ""


def no_python(script: str) -> str | None:
    """Why Python cannot run a script of this name, or None."""
    ending = PurePosixPath(script).suffix.lower()
    if ending == ".ipynb":
        return (
            f"{script} is a notebook, which Python does not run: convert it (`jupyter nbconvert --to script {script}`) "
            "and name the script"
        )
    if program := INTERPRETERS.get(ending):
        return f"{script} is no Python script: give `command: [{program}, {script}]` in its place"
    return None


def hidden_python(variables: Mapping[str, Any], command: Iterable[str], *, is_local: bool) -> str | None:
    """Why a `PATH` of the run's own would hide the Python that the command needs, or None."""
    path, first = variables.get("PATH"), next(iter(command), "")
    if not isinstance(path, str) or not PYTHON.fullmatch(first):
        return None
    # In which folder an image has its Python is not known; on this machine it is none of the usual ones.
    if not is_local and any(USUAL.search(part) for part in path.split(":") if part.startswith("/")):
        return None
    return (
        f"PATH is {path!r}, in which nothing is filled in, and takes the place of the one on which {first} is found: "
        "leave it out, or let the command set it (`command: [bash, -c, 'PATH=/more:$PATH exec …']`)"
    )
