"""Starts the plugin here rather than in the engine, and tells the engine the port that it listens on.

There are two reasons. In a project whose Pulumi.yaml does not name the plugin, the engine would look for it on PATH,
warn about it, and might start that of another version than the trainup that runs the command.

And the settings of a stack may be too long. The engine hands them to a plugin in one environment variable,
PULUMI_CONFIG, and Linux refuses variables over 128 KiB (MAX_ARG_STRLEN): with more than some 300 runs the start fails
with `argument list too long`. The plugin does not need them: it reads no settings.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping

from trainup.toolchain import keys
from trainup.toolchain.paths import PYTHON, ROOT, SetupError
from trainup.toolchain.plugins import ATTACHED
from trainup.toolchain.stack_files import StackFile

NAME = "trainup"
PLUGIN = (str(PYTHON), "-I", "-m", "trainup.provider")
LONG = 16 * 1024
"""Characters of settings above which the plugin is started here: JSON within JSON makes them up to 8 times as long."""


def with_plugin(file: StackFile, operation: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a CLI command. Where the engine should not start the plugin, start it and add its port.

    The plugin ends when this process, or the CLI that replaces it, ends: its standard input closes then. Raises
    SetupError where the plugin does not start.
    """
    environment = dict(variables)
    length = len(file.text or "") + file.project.file.stat().st_size
    attached = [entry for entry in environment.get(ATTACHED, "").split(",") if entry]
    is_left_to_the_engine = length <= LONG and file.project.names_plugin(NAME)
    if operation not in keys.OPERATIONS or is_left_to_the_engine or any(one.startswith(f"{NAME}:") for one in attached):
        return environment
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # stays open in the CLI
    try:
        plugin = subprocess.Popen(
            [*PLUGIN, "--attached"],
            cwd=ROOT,
            env=environment,
            stdin=reading,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the CLI, which tells the plugin
        )
    except OSError as error:
        raise SetupError(f"the plugin cannot be started by `{shlex.join(PLUGIN)}`: {error}") from error
    finally:
        os.close(reading)
    assert plugin.stdout is not None
    with plugin.stdout as output:
        port = output.readline().decode().strip()
    if not port.isdecimal():
        raise SetupError(f"the plugin did not start: `{shlex.join(PLUGIN)}` ended with exit code {plugin.wait()}")
    return environment | {ATTACHED: ",".join([*attached, f"{NAME}:{port}"])}
