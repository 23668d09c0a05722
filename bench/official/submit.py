"""The official client submits a folder as a command job; runs in an environment of its own.

python submit.py ADDRESS WORKSPACE CLUSTER ENVIRONMENT FOLDER
"""

import sys

from azure.ai.ml import MLClient, command
from azure.identity import ManagedIdentityCredential

address, workspace, cluster, environment, folder = sys.argv[1:]
_, _, subscription, _, group, *_, name = workspace.split("/")
# Told here, it need not ask what cloud this is, which it would do five times.
cloud = {
    "azure_portal": address,
    "resource_manager": address,
    "active_directory": address,
    "aml_resource_id": address,
    "storage_endpoint": "localhost",
    "registry_discovery_endpoint": address,
}
ml = MLClient(ManagedIdentityCredential(), subscription, group, name, cloud="bench", cloud_metadata=cloud)
job = command(
    code=folder,
    command="python main.py",
    environment=environment,
    compute=cluster,
    experiment_name="bench",
)
ml.jobs.create_or_update(job)
