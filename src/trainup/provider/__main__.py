"""Entry point of the plugin: `pulumi-resource-trainup ENGINE_ADDRESS`.

With `--attached` nobody reads its standard output after the port: what is printed goes to standard error.
"""

import gc
import os
import sys

from trainup.jobs import surroundings
from trainup.provider.light import import_wire_types_alone

if __name__ == "__main__":
    if "--output=3" in sys.argv:  # where our launcher has put standard output while Python started
        os.dup2(3, 1)
        os.close(3)
    gc.disable()  # nothing that is imported is garbage: the plugin starts sooner, and never looks through it
    surroundings.settle()
    import_wire_types_alone()
    from trainup.provider.host import serve

    gc.freeze()
    gc.enable()
    addresses = [word for word in sys.argv[1:] if not word.startswith("-")]
    serve(addresses[-1] if addresses else None, is_attached="--attached" in sys.argv)
    # Waiting calls have no reader any more, and the runs they wait for live in processes of their own.
    sys.stdout.flush()
    os._exit(0)
