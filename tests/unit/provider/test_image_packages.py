"""Packages that previews compare are kept beside an image's inputs, and change nothing by themselves."""

import threading
from pathlib import Path

from trainup.provider.handler import Context, State
from trainup.provider.image_acr import RegistryBuilder

INPUTS = {"builder": "acr", "registry_id": "/r", "login_server": "r.azurecr.io", "repository": "team/image"}


def checked(project: Path) -> dict[str, object]:
    context = Context(urn="", project=project, canceled=threading.Event())
    inputs, findings = RegistryBuilder().check(context, dict(INPUTS))
    assert findings == []
    return inputs


def test_an_image_that_an_earlier_version_deployed_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY requirements.txt /\n")
    (tmp_path / "requirements.txt").write_text("torch==2.8\n")
    now = checked(tmp_path)
    assert now["packages"] == {"requirements.txt": ["torch==2.8"]}
    before = {name: value for name, value in now.items() if name != "packages"}
    context = Context(urn="urn", project=tmp_path, canceled=threading.Event())
    state = State("team/image", {"reference": "r.azurecr.io/team/image@sha256:1"})
    assert RegistryBuilder().diff(context, state, before, now).changes == {}
    (tmp_path / "requirements.txt").write_text("torch==2.9\n")
    changes = RegistryBuilder().diff(context, state, now, checked(tmp_path)).changes
    assert set(changes) == {"digest", 'manifest["requirements.txt"]'}
