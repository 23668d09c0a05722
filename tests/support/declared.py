"""What a stack on Azure declares, from its settings, without an engine."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime.config import set_all_config

from tests.support.recording import GROUP, SUBSCRIPTION, Registered, record
from trainup.infra import azure, settings
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.platforms import Platform
from trainup.infra.stack_config import StackConfig

REPOSITORY = Path(__file__).parents[2]
ML = f"{GROUP.replace(SUBSCRIPTION, azure.NOBODY)}/providers/Microsoft.MachineLearningServices/workspaces/theirs"
"""A workspace that exists, in the subscription of a stack file as it is."""


def deploy(
    config: dict[str, Any], secrets: dict[str, str] | None = None, stack: str = "dev"
) -> tuple[list[Registered], Platform]:
    """What a stack of this configuration registers, and its platform; only to be looked at."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return _deployed(json.dumps(texts), json.dumps(secrets or {}), stack)


@cache
def _deployed(texts: str, secrets: str, stack: str) -> tuple[list[Registered], Platform]:
    platforms: list[Platform] = []

    def program() -> None:
        set_all_config({**json.loads(texts), **json.loads(secrets)}, list(json.loads(secrets)))
        config = StackConfig.read()
        wanted = settings.load(config)
        assert isinstance(wanted, AzureSettings)
        platforms.append(azure.build(wanted, config))

    try:
        return record(program, stack, root=REPOSITORY), platforms[0]
    finally:
        set_all_config({})


def given(stack: str = "dev", **sections: Any) -> dict[str, Any]:
    """The configuration in a stack's file, with sections in place of its own."""
    config: dict[str, Any] = yaml.safe_load((REPOSITORY / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {**config, **{f"trainup:{key}": value for key, value in sections.items()}}


def of(found: list[Registered], kind: str) -> list[Registered]:
    """The resources of a kind."""
    return [one for one in found if one.type.endswith(f":{kind}")]
