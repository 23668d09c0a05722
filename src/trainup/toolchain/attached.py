"""The plugin, where it is started here rather than by the engine, which is then told where it listens.

In a project whose Pulumi.yaml names no plugin of ours it is the one of the trainup that is at work: the engine would
look for it on PATH, warn of what it finds there, and might find that of another version.

And a stack can have settings that are too long for the engine to start a plugin with. It hands the settings of a
plugin's namespace over in one environment variable, PULUMI_CONFIG, and Linux takes no variable over 128 KiB
(MAX_ARG_STRLEN): beyond some 300 runs, the start ends in `argument list too long`. Our plugin reads no settings.
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
"""Characters of settings from which on the plugin is started here: as JSON in JSON they are up to 8 times as long."""


def with_plugin(file: StackFile, operation: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables for a command of the CLI; where the engine is not to start the plugin, one runs that they name.

    It ends with this process, or with the CLI that takes its place: its standard input closes then. Raises SetupError.
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
