"""What several contract tests need: the plugin, beside an Azure on this machine."""

from collections.abc import Iterator

import pytest

from tests.support.azure import visit
from tests.support.plugin import Plugin, plugin
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.rehearsal import rehearsal


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azure, Plugin]]:
    with rehearsal(tmp_path_factory.mktemp("azure")) as running, pytest.MonkeyPatch.context() as patch:
        visit(running, patch)
        with plugin(tmp_path_factory.mktemp("project")) as made:
            yield running.azure, made
