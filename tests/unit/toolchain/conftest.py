"""A repository of its own, whose CLI writes down how it was called."""

from pathlib import Path

import pytest

from trainup.toolchain import attached, ciphers, environment, keys, passphrase, stacks

CLI = """\
#!/bin/sh
echo "$@" >> '{0}/calls'
env > '{0}/variables'
cat Pulumi.*.yaml > '{0}/seen' || true
"""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project that is called `own`, with a stack file that has no salt."""
    root = tmp_path / "repository"
    root.mkdir()
    for module in (stacks, keys, passphrase, attached):
        monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(passphrase, "LINK", root / ".trainup" / "passphrase")
    monkeypatch.setattr(keys, "COPIES", root / ".trainup" / "config")
    monkeypatch.setattr(keys, "NOTES", root / ".trainup" / "config" / "fits.json")
    # A key that is not worth guessing, and one that everybody knows.
    monkeypatch.setattr(ciphers, "ROUNDS", 10)
    monkeypatch.setattr(keys, "PUBLIC_SALT", ciphers.new_salt(keys.PUBLIC_PASSPHRASE))
    monkeypatch.setattr(environment, "BACKEND", root / ".trainup" / "backend")
    (root / "Pulumi.yaml").write_text("name: own\nruntime: python\nplugins: {providers: [{name: trainup, path: .}]}\n")
    (root / "Pulumi.local.yaml").write_text("config:\n  trainup:protect: false\n")
    cli = tmp_path / "path" / "pulumi"
    cli.parent.mkdir()
    cli.write_text(CLI.format(tmp_path))
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{cli.parent}:/bin:/usr/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home" / ".pulumi"))
    for name in ("XDG_DATA_HOME", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_BACKEND_URL", environment.BACKEND.as_uri())
    return root
