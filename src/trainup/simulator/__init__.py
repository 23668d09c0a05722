"""A simulation of Azure on this machine, with Azure's state, validation rules and errors.

cloud/      the state that all services share: resources by id, rules, faults, blobs, runs
plugins/    the azure-native and docker providers for the Pulumi engine
rest/       HTTPS services: resource manager, Azure ML and its data planes, blobs, tokens (to add one: `routing.py`)
machines/   clusters, and jobs as processes

`rehearsal.py` starts all of it, for a test or by hand; `rehearse.py` is `make rehearse`, which deploys a stack there.
"""
