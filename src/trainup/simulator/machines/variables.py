"""Environment variables that Azure ML sets for a job: its run, its identity and its tracking server."""

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.endpoints import NAME
from trainup.simulator.cloud.runs import Run, Runs

LIFETIME = 21 * 86400.0
"""Validity of a job's token in seconds, which is the longest duration of a job."""


def of_identity(azure: Azure, secret: str) -> dict[str, str]:
    """Variables by which a process requests tokens for its identity, as on Azure ML's nodes."""
    allowed = azure.node_identities.get(secret, {})
    own = next((client for client, principal in allowed.items() if client and principal == allowed.get("")), None)
    endpoint = (
        {"MSI_ENDPOINT": f"{azure.endpoints.resource_manager}/msi/token", "MSI_SECRET": secret} if allowed else {}
    )
    return endpoint | ({"DEFAULT_IDENTITY_CLIENT_ID": own} if own else {})


def of_run(azure: Azure, workspace: str, run: Run) -> dict[str, str]:
    """Variables about the run for every process of a job."""
    parts = workspace.split("/")
    resource = azure.find(workspace) or {}
    api = azure.endpoints.api(str(resource.get("location")))
    token, expires = azure.tokens.issue(
        azure.endpoints.resource_manager, azure.deployer, azure.tenant, lifetime=LIFETIME
    )
    experiment = Runs.experiment_id(workspace, run.experiment)
    return {
        "MLFLOW_TRACKING_URI": f"azureml://{api.removeprefix('https://')}/mlflow/v1.0{workspace}",
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": run.name,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_EXPERIMENT_NAME": run.experiment,
        "AZUREML_RUN_ID": run.name,
        "AZUREML_RUN_TOKEN": token,
        "AZUREML_RUN_TOKEN_EXPIRY": str(expires),
        "AZUREML_EXPERIMENT_ID": experiment,
        "AZUREML_ARM_SUBSCRIPTION": parts[2],
        "AZUREML_ARM_RESOURCEGROUP": parts[4],
        "AZUREML_ARM_WORKSPACE_NAME": parts[8],
        "AZUREML_ARM_PROJECT_NAME": run.experiment,
        "AZUREML_WORKSPACE_ID": str(shape.get(resource, "properties.workspaceId")),
        "AZUREML_WORKSPACE_SCOPE": workspace,
        "AZUREML_SERVICE_ENDPOINT": api,
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": str(shape.get(resource, "properties.discoveryUrl")),
        "AZUREML_ROOT_RUN_ID": run.name,
        # Otherwise Azure's clients request the list of clouds from the public cloud.
        "AZUREML_CURRENT_CLOUD": NAME,
        "ARM_CLOUD_METADATA_URL": f"{azure.endpoints.resource_manager}/metadata/endpoints?api-version=2019-05-01",
    }
