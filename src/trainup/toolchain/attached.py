"""The plugin of a stack whose settings are too long for the engine to start it with.

The engine hands the settings of a plugin's namespace over in one environment variable, PULUMI_CONFIG, and Linux takes
no variable over 128 KiB (MAX_ARG_STRLEN): beyond some 300 runs, the start ends in `argument list too long`. Our plugin
reads no settings. So for such a stack it is started here, and the engine is told where it is.
"""

import os
import subprocess
from collections.abc import Mapping

from trainup.toolchain import keys
from trainup.toolchain.paths import ROOT, SOURCES, SetupError
from trainup.toolchain.plugins import ATTACHED
from trainup.toolchain.stack_files import StackFile

NAME = "trainup"
PLUGIN = SOURCES.parent / "provider" / "pulumi-resource-trainup"
LONG = 16 * 1024
"""Characters of settings from which on the plugin is started here: as JSON in JSON they are up to 8 times as long."""


def with_plugin(file: StackFile, operation: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables for a command of the CLI; where the stack's settings are long, a plugin runs that they name.

    It ends with this process, or with the CLI that takes its place: its standard input closes then. Raises SetupError.
    """
    given = dict(variables)
    length = len(file.text or "") + file.project.file.stat().st_size
    attached = [entry for entry in given.get(ATTACHED, "").split(",") if entry]
    if operation not in keys.OPERATIONS or length <= LONG or any(entry.startswith(f"{NAME}:") for entry in attached):
        return given
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # stays open in the CLI
    try:
        plugin = subprocess.Popen(
            [PLUGIN, "--attached"],
            cwd=ROOT,
            env=given,
            stdin=reading,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the CLI, which tells the plugin
        )
    except OSError as error:
        raise SetupError(f"the plugin {PLUGIN} cannot be started: {error}") from error
    finally:
        os.close(reading)
    assert plugin.stdout is not None
    with plugin.stdout as output:
        port = output.readline().decode().strip()
    if not port.isdecimal():
        raise SetupError(f"the plugin {PLUGIN} did not start: it ended with exit code {plugin.wait()}")
    return given | {ATTACHED: ",".join([*attached, f"{NAME}:{port}"])}
