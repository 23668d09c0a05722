"""Azure's rules for names, and names that fit them."""

import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class NameRule:
    """The rule for the names of one kind of resource, as a pattern and in words."""

    thing: str
    pattern: str
    """Compiled at first use: every preview imports all rules and needs a few."""
    words: str


_ASSET = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}"
_ASSET_WORDS = "at most 255 letters, digits, dashes and underscores, starting with a letter or a digit"

RULES: dict[str, NameRule] = {
    # Two pages of the service's documentation differ about 32 or 33; 32 fits both.
    "workspace": NameRule(
        "a workspace",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,31}",
        "3 to 32 letters, digits, dashes and underscores, starting with a letter or a digit",
    ),
    "cluster": NameRule(
        "a cluster",
        r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9-]{2,23}",
        "3 to 24 letters, digits and dashes, starting with a letter, not ending in a dash and digits only",
    ),
    "connection": NameRule(
        "a connection",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,31}",
        "3 to 32 letters, digits, dashes and underscores, starting with a letter or a digit",
    ),
    "environment": NameRule(
        "an environment",
        rf"(?!(?i:azureml-|microsoft)){_ASSET}",
        f"{_ASSET_WORDS}; `AzureML-…` and `Microsoft…` are Azure's own",
    ),
    "data": NameRule("a data asset", _ASSET, _ASSET_WORDS),
    "model": NameRule("a model", _ASSET, _ASSET_WORDS),
    "datastore": NameRule(
        "a datastore",
        r"[a-zA-Z0-9][a-zA-Z0-9_]{0,254}",
        "at most 255 letters, digits and underscores, starting with a letter or a digit",
    ),
    "job": NameRule("a job", _ASSET, _ASSET_WORDS),
    "experiment": NameRule("an experiment", r"[^\x00-\x1f]{1,256}", "1 to 256 characters without control characters"),
    "endpoint": NameRule(
        "an endpoint",
        r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]",
        "3 to 32 letters, digits and dashes, starting with a letter, ending in a letter or a digit",
    ),
    "deployment": NameRule(
        "a deployment",
        r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]",
        "3 to 32 letters, digits and dashes, starting with a letter, ending in a letter or a digit",
    ),
    # Image references are lower case: with capitals here, every reference would differ from the name.
    "registry": NameRule("a container registry", r"[a-z0-9]{5,50}", "5 to 50 lower-case letters and digits"),
    "task": NameRule("a registry's task", r"[a-zA-Z0-9_-]{5,50}", "5 to 50 letters, digits, dashes and underscores"),
    "task_run": NameRule("a registry's task run", r"[a-zA-Z0-9-]{5,50}", "5 to 50 letters, digits and dashes"),
    "storage": NameRule("a storage account", r"[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits"),
    "vault": NameRule(
        "a key vault",
        r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
        "3 to 24 letters, digits and single dashes, starting with a letter, ending in a letter or a digit",
    ),
    "vault_secret": NameRule("a key vault's secret", r"[0-9a-zA-Z-]{1,127}", "1 to 127 letters, digits and dashes"),
    "log_analytics": NameRule(
        "a log analytics workspace",
        r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
        "4 to 63 letters, digits and dashes, starting and ending with a letter or a digit",
    ),
    "resource_group": NameRule(
        "a resource group",
        r"[\w.()-]{0,89}[\w()-]",
        "1 to 90 letters, digits, underscores, dashes, parentheses and dots, not ending in a dot",
    ),
    "container": NameRule(
        "a blob container",
        r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        "3 to 63 lower-case letters, digits and single dashes, starting and ending with a letter or a digit",
    ),
    "repository": NameRule(
        "an image repository",
        r"(?=.{1,255}$)[a-z0-9]+(?:[._/-][a-z0-9]+)*",
        "lower-case letters, digits, and single dots, dashes, underscores and slashes between them",
    ),
}


def check_name(kind: str, name: str) -> str | None:
    """What is wrong with a name of this kind (a key of `RULES`), or None."""
    rule = RULES[kind]
    if re.fullmatch(rule.pattern, name):
        return None
    return f"{name!r} is no name for {rule.thing}: it is {rule.words}"


def datastore_name(name: str) -> str:
    """Name of the datastore of a data asset: the asset's name, with underscores for dashes."""
    return name.replace("-", "_")


SUFFIX_CHARS = 8
"""Length of the random end that azure-native gives to names it makes up."""


def stem(name: str, limit: int, role: str = "", separator: str = "-") -> str:
    """Start of a name in Azure, to which azure-native adds its random suffix; `limit` is for the whole name.

    It has lower-case letters, digits and the separator only. If it had to be shortened, or did not begin with a letter,
    it ends in a digest of the original, so that two long names never collide.
    """
    tail = f"{separator}{role}" if role else ""
    room = limit - SUFFIX_CHARS - len(tail)
    words = re.sub(r"[^a-z0-9]+", separator, name.lower()).strip(separator or None)
    if len(words) > room or not words[:1].isalpha():
        digest = hashlib.sha256(name.encode()).hexdigest()[:4]
        start = f"t{words}" if not words[:1].isalpha() else words
        words = f"{start[: room - len(separator) - len(digest)].rstrip(separator or None)}{separator}{digest}"
    return f"{words}{tail}"
