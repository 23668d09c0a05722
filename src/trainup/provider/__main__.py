"""Entry point of the plugin: `pulumi-resource-trainup ENGINE_ADDRESS`.

With `--attached`, nobody reads standard output after the port: everything else is printed to standard error.
"""

import gc
import os
import sys

from trainup.jobs import surroundings
from trainup.provider.light import import_wire_types_alone

if __name__ == "__main__":
    if "--output=3" in sys.argv:  # our launcher moved standard output there while Python started
        os.dup2(3, 1)
        os.close(3)
    gc.disable()  # imports leave no garbage: without collections the plugin starts sooner
    surroundings.settle()
    import_wire_types_alone()
    from trainup.provider.process import serve

    gc.freeze()
    gc.enable()
    addresses = [word for word in sys.argv[1:] if not word.startswith("-")]
    serve(
        addresses[-1] if addresses else None,
        is_attached="--attached" in sys.argv,
        ends_with_input=bool(__package__),  # a language host runs this folder, and not this module
    )
    # Nobody reads the answers of calls that still wait, and the runs that they wait for are other processes.
    sys.stdout.flush()
    os._exit(0)
