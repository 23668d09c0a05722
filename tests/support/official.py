"""The official client, azure-ai-ml, in an environment of its own: built once from a lock, and found there again."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from trainup.jobs.local.environments import find_uv
from trainup.jobs.local.files import Lock, temporary_folder
from trainup.jobs.local.recipe import this_python
from trainup.toolchain.paths import TOOLCHAIN

REQUIREMENTS = Path(__file__).with_name("official_requirements.txt")
ENVIRONMENTS = TOOLCHAIN / "official-client"
NO_NETWORK = ("error sending request for url", "the network was disabled")
"""What uv says when it has not reached any index."""


class NoNetwork(Exception):
    """The packages are not on this machine, and cannot be had from elsewhere; the message is uv's own."""


def python(requirements: Path = REQUIREMENTS, environments: Path = ENVIRONMENTS) -> Path:
    """The Python of an environment with the client; made under the digest of its lock, unless it is there.

    `NoNetwork` when the packages cannot be fetched; RuntimeError when they cannot be installed.
    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    final = environments / f"{this_python()}-{digest}"
    with Lock(final.with_name(f"{final.name}.lock")):
        if not final.is_dir():
            with temporary_folder(final) as folder:
                base = getattr(sys, "_base_executable", sys.executable)
                _uv("venv", "--relocatable", "--allow-existing", "--python", base, str(folder))
                target = ["--python", str(folder / "bin" / "python")]
                # As an installed client has it: or its first start would compile for seconds.
                _uv("pip", "install", "--compile-bytecode", "--require-hashes", *target, "-r", str(requirements))
    return final / "bin" / "python"


def _uv(*words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    uv = find_uv(TOOLCHAIN.parent)
    done = subprocess.run([uv, *words, "--quiet"], env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip()
        kind = NoNetwork if any(text in reason for text in NO_NETWORK) else RuntimeError
        raise kind(f"`uv {words[0]}` failed:\n{reason}")
