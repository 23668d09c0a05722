"""The types of values in the settings of an Azure stack; `core` has the rules."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from trainup.core import azure_ids, sizes
from trainup.core.azure_names import check_name
from trainup.core.clouds import find_cloud
from trainup.core.images import check_server, parse_reference
from trainup.infra.sections import Section, Text, judged


def _parsed(parse: Callable[[str], Any]) -> BeforeValidator:
    """A validator from a parser that raises ValueError."""

    def judge(text: str) -> str | None:
        try:
            parse(text)
        except ValueError as error:
            return str(error)
        return None

    return judged(judge)


def _name(kind: str) -> BeforeValidator:
    return judged(partial(check_name, kind))


def _id(kind: str) -> BeforeValidator:
    return _parsed(lambda text: azure_ids.parse_id(text, kind))


def _guid(text: str) -> str | None:
    return None if azure_ids.GUID.fullmatch(text) else f"{text!r} is no id: {azure_ids.NO_GUID}"


def _tag_name(text: str) -> str | None:
    invalid = sorted(set(text) & set(r"<>%&\?/"))
    return f"{text!r} is no name for a tag: it has no {' '.join(invalid)}" if invalid else None


Guid = Annotated[str, judged(_guid)]
PrincipalId = Annotated[Guid, AfterValidator(str.lower)]
"""An object id in lower case, so that the same id is the same text."""
CloudName = Annotated[str, _parsed(find_cloud)]
WorkspaceId = Annotated[str, _id(azure_ids.WORKSPACE)]
WorkspaceName = Annotated[str, _name("workspace")]
ResourceGroupName = Annotated[str, _name("resource_group")]
RegistryId = Annotated[str, _id(azure_ids.REGISTRY)]
RegistryName = Annotated[str, _name("registry")]
ClusterId = Annotated[str, _id(azure_ids.CLUSTER)]
ClusterName = Annotated[str, _name("cluster")]
SubnetId = Annotated[str, _id(azure_ids.SUBNET)]
SizeName = Annotated[str, _parsed(sizes.find_size)]
EnvironmentName = Annotated[str, _name("environment")]
Repository = Annotated[str, _name("repository")]
Reference = Annotated[str, _parsed(parse_reference)]
RegistryServer = Annotated[str, judged(check_server)]
StorageId = Annotated[str, _id(azure_ids.STORAGE)]
ContainerName = Annotated[str, _name("container")]
TagName = Annotated[str, Field(max_length=128), judged(_tag_name)]
TagValue = Annotated[Text, Field(max_length=256)]


def refuse(problems: list[str | None]) -> None:
    """Raise one ValueError with all problems of a section, if there are any."""
    if messages := [problem for problem in problems if problem]:
        raise ValueError("; ".join(messages))


def together(section: Section, first: str, *others: str) -> str | None:
    """A problem where `first` and one of `others` are both set; None where they are not."""
    clash = [other for other in others if other in section.model_fields_set]
    if first not in section.model_fields_set or not clash:
        return None
    return f"`{first}` and `{'`, `'.join(clash)}` exclude each other: keep one of them"


def project_root(info: ValidationInfo) -> Path:
    """The folder of Pulumi.yaml, which paths in settings are relative to."""
    root: Path = info.context["root"] if info.context else Path()
    return root
