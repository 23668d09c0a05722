"""The kinds of value among a run's inputs: each parser returns the value, or raises Invalid with the whole sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar

from trainup.core.azure_ids import GUID
from trainup.core.choices import DistributionType
from trainup.core.duration import parse_duration
from trainup.core.naming import check_run_name
from trainup.core.values import Secret, Unknown, has_secret, reveal

Value = TypeVar("Value")
Named = TypeVar("Named", bound=StrEnum)
SHM_SIZE = re.compile(r"[1-9]\d*[bkmgBKMG]")
IDENTITIES = ("cluster", "user", "token")
"""Identities of a run on Azure besides client ids: the cluster's, the submitting user's, the workspace's token."""
_OF_EXPERIMENTS = ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
RESERVED_VARIABLES = frozenset(
    {
        *_OF_EXPERIMENTS,
        "TRAINUP_OUTPUT_DIR",
        "TRAINUP_RUN",
        "TRAINUP_TOKEN",
        "TRAINUP_CHECKPOINT_DIR",
        "TRAINUP_SECRETS",
        "TRAINUP_BOOTSTRAP",
        "TRAINUP_SCORING",
        "TRAINUP_STARTED_BY",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_RUN_ID",
    }
)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Names of variables that a shell accepts; others would never reach a script through the shell."""
SHELL_OWN = frozenset(
    {
        "_",
        *("BASH", "BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_ARGV0", "BASH_CMDS"),
        *("BASH_COMMAND", "BASH_EXECUTION_STRING", "BASH_LINENO", "BASH_REMATCH", "BASH_SOURCE", "BASH_SUBSHELL"),
        *("BASH_VERSINFO", "BASH_VERSION", "COMP_WORDBREAKS", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID"),
        *("FUNCNAME", "GROUPS", "HISTCMD", "IFS", "LINENO", "OLDPWD", "OPTIND", "PIPESTATUS", "PPID", "PWD", "RANDOM"),
        *("SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "UID"),
    }
)
"""Variables that bash sets itself or protects: values of the user would never reach the script."""


class Invalid(ValueError):
    """A value that breaks a rule; `at` is the path below the input (`["epochs"]`, `[2]`)."""

    def __init__(self, reason: str, at: str = "") -> None:
        super().__init__(reason)
        self.at = at


def text(value: Any) -> str:
    """Text that files, processes and JSON can hold."""
    if isinstance(value, Secret):
        raise Invalid("a secret would be readable in the process list or in state here; pass it by `secrets`")
    if not isinstance(value, str):
        raise Invalid(f"{value!r} is not text; put it in quotes")
    if "\0" in value:
        raise Invalid("a NUL character cannot be part of a command, a name or a variable")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise Invalid("the text holds half of a character (a lone surrogate), which no file or process takes")
    return value


def filled(value: Any) -> str:
    """Text that is not blank."""
    if not text(value).strip():
        raise Invalid("it is empty; leave it out or give it a value")
    return value  # type: ignore[no-any-return]


def run_name(value: Any) -> str:
    """The name of a run."""
    if problem := check_run_name(text(value)):
        raise Invalid(problem)
    return str(value)


@dataclass(frozen=True)
class Whole:
    """Parses a whole number in a range."""

    low: int
    high: int
    what: str

    def __call__(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Invalid(f"{value!r} is no whole number; {self.what}")
        if not self.low <= value <= self.high:
            raise Invalid(f"{value} is out of range: {self.what}, from {self.low} to {self.high}")
        return value


@dataclass(frozen=True)
class Choice(Generic[Named]):
    """Parses one of the values of an enum."""

    kind: type[Named]

    def __call__(self, value: Any) -> Named:
        if value not in list(self.kind):
            raise Invalid(f"{value!r} is none of {', '.join(self.kind)}")
        return self.kind(value)


def one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    """One of these."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise Invalid(f"{value!r} is none of {', '.join(choices)}")
        return str(value)

    return parse


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Invalid(f"{value!r} is neither true nor false")
    return value


def duration(value: Any) -> float:
    """Seconds."""
    if not isinstance(value, (str, int, float)):
        raise Invalid(f"{value!r} is no length of time")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Invalid(str(error)) from error


def words(value: Any) -> tuple[str, ...]:
    """A list of words."""
    if not isinstance(value, list):
        raise Invalid(f"{value!r} is no list; write one item per word, such as [--epochs, '5']")
    items = []
    for index, item in enumerate(value):
        try:
            items.append(text(item))
        except Invalid as error:
            raise Invalid(str(error), f"[{index}]") from error
    return tuple(items)


def command(value: Any) -> tuple[str, ...]:
    """A program and its arguments."""
    command = words(value)
    if not command or not command[0].strip():
        raise Invalid("the command is empty; its first item is the program to run")
    return command


def script(value: Any) -> str:
    """A file of the source folder."""
    path = PurePosixPath(filled(value))
    if path.is_absolute() or ".." in path.parts:
        raise Invalid(f"{value!r} leaves the source folder; a script is named relative to `source`")
    return str(path)


def mapping(parse: Callable[[Any], Value], what: str) -> Callable[[Any], dict[str, Value]]:
    """A map of names to values of one kind."""

    def parse_all(value: Any) -> dict[str, Value]:
        if isinstance(value, Secret) or not isinstance(value, dict):
            raise Invalid(f"this is no map; {what}")
        result = {}
        for key, item in value.items():
            try:
                result[filled(key)] = parse(item)
            except Invalid as error:
                raise Invalid(str(error), f"[{key!r}]{error.at}") from error
        return result

    return parse_all


def secrets(value: Any) -> dict[str, Any]:
    """Names of variables and secret values."""
    if isinstance(value, Secret) and isinstance(value.value, dict):
        value = {name: Secret(item) for name, item in value.value.items()}
    return variables(secret_text, "secrets are NAME: value")(value)


def variables(parse: Callable[[Any], Value], what: str) -> Callable[[Any], dict[str, Value]]:
    """A map of names of environment variables."""
    parse_all = mapping(parse, what)

    def parse_variables(value: Any) -> dict[str, Value]:
        result = parse_all(value)
        for name in result:
            if not VARIABLE.fullmatch(name):
                raise Invalid(
                    f"{name!r} is no name for an environment variable: it has letters, digits and underscores, and "
                    "does not begin with a digit",
                    f"[{name!r}]",
                )
            if name in SHELL_OWN:
                raise Invalid(f"{name} is set by the shell itself; choose another name", f"[{name!r}]")
            if name in RESERVED_VARIABLES:
                way_out = "use `experiment_name`" if name in _OF_EXPERIMENTS else "choose another name"
                raise Invalid(f"{name} is set by trainup itself; {way_out}", f"[{name!r}]")
        return result

    return parse_variables


def secret_text(value: Any) -> Any:
    """The value of a secret, wrapped or not."""
    plain = reveal(value)
    if isinstance(plain, Unknown):
        return value
    try:
        text(plain)
    except Invalid as error:  # its message could show the value
        raise Invalid("the value of a secret must be text without NUL and half characters") from error
    return value


def plain_variable(value: Any) -> str:
    """The value of an environment variable."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Invalid(f"{value!r} is a number; environment variables are text: put it in quotes")
    return text(value)


plain_variables = variables(plain_variable, "environment variables are NAME: value")
"""Environment variables whose values anybody may read."""
tags = mapping(text, "tags are name: text")
"""Tags of a job and of an MLflow run."""
upstream = mapping(filled, "upstream runs are name: digest")
"""Runs that have to complete first, by their digests."""


def shm_size(value: Any) -> str:
    """Shared memory, as Docker writes it: `16g`."""
    if not SHM_SIZE.fullmatch(text(value)):
        raise Invalid(f"{value!r} is no size of memory: it is a whole number and a unit, such as 512m or 16g")
    return str(value).lower()


def identity(value: Any) -> str:
    """A client id, or one of IDENTITIES."""
    if text(value) not in IDENTITIES and not GUID.fullmatch(value):
        raise Invalid(f"{value!r} is neither the client id of an identity (a GUID) nor one of {', '.join(IDENTITIES)}")
    return str(value)


def price(value: Any) -> float:
    """US dollars."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10_000:
        raise Invalid(f"{value!r} is no price: it is US dollars for a node and an hour, such as 0.53")
    return float(value)


COUNTS: dict[DistributionType, dict[str, int | None]] = {
    DistributionType.PYTORCH: {"process_count_per_node": 1},
    DistributionType.MPI: {"process_count_per_node": 1},
    DistributionType.TENSORFLOW: {"worker_count": None, "parameter_server_count": 0},
}
"""Type of distribution → name of a count → its default (None: the number of nodes)."""


def distribution(value: Any) -> dict[str, Any]:
    """How the processes of a run find each other."""
    if not isinstance(value, dict) or has_secret(value):
        raise Invalid("this is no map; a distribution has `type` and `process_count_per_node`")
    kind: DistributionType = Choice(DistributionType)(value.get("type", DistributionType.PYTORCH))
    counts = COUNTS[kind]
    for key in value.keys() - {"type", *counts}:
        raise Invalid(f"a distribution of type {kind} has `type`, `{'` and `'.join(counts)}`", f"[{key!r}]")
    result: dict[str, Any] = {"type": kind.value}
    for key, default in counts.items():
        if (count := value.get(key)) is None:
            continue
        parsed = Whole(0 if default == 0 else 1, 1000, f"it is the {key}")(count)
        if parsed != default:  # a default that is written out must not change the digest
            result[key] = parsed
    return result
