"""Azure on this machine: stand-ins that refuse what Azure refuses and keep what Azure would keep.

cloud/      the Azure that all faces share: resources by id, rules, faults, blobs, runs
plugins/    faces for the Pulumi engine: the azure-native and docker plugins
rest/       faces over HTTPS: resource manager, Azure ML and its data planes, blobs, tokens (how to add: `routing.py`)
machines/   clusters, and jobs as processes

`rehearsal.py` starts them all, for a test or by hand; `rehearse.py` is `make rehearse`, which deploys a stack there.
"""
