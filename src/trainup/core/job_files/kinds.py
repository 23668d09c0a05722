"""What a file is that is no job file: told in one sentence, instead of a line for each key that a job does not have."""

from collections.abc import Mapping
from typing import Any

RUNS = "trainup runs command jobs and sweep jobs"
_JOBS = {
    "pipeline": "a pipeline: give each step a job file of its own, and say with `after` which comes first",
    "spark": "a Spark job",
    "automl": "an AutoML job",
    "parallel": "a parallel job",
    "import": "an import job",
    "data_transfer": "a data transfer job",
    "finetuning": "a fine-tuning job",
    "distillation": "a distillation job",
}
"""`type` of another kind of job → what it is, and what to do instead where that is known."""
_ASSETS = {
    **dict.fromkeys(("uri_file", "uri_folder", "mltable"), "a data asset"),
    **dict.fromkeys(("custom_model", "mlflow_model", "triton_model"), "a model"),
    **dict.fromkeys(("amlcompute", "computeinstance", "virtualmachine", "kubernetes", "synapsespark"), "a compute"),
    **dict.fromkeys(("azure_blob", "azure_file", "azure_data_lake_gen1", "azure_data_lake_gen2"), "a datastore"),
    **dict.fromkeys(("git", "python_feed", "container_registry", "s3", "snowflake", "azure_sql_db"), "a connection"),
    **dict.fromkeys(("azure_open_ai", "api_key", "cognitive_service", "cognitive_search", "serp"), "a connection"),
}
"""`type` of something that is no job → what it is."""
_SCHEMAS = {
    # The first that the name of the schema contains counts.
    "deployment": "a deployment",
    "endpoint": "an endpoint",
    "component": "a component",
    "schedule": "a schedule",
    "monitor": "a monitoring schedule",
    "pipelinejob": _JOBS["pipeline"],
    "sparkjob": _JOBS["spark"],
    "automljob": _JOBS["automl"],
    "paralleljob": _JOBS["parallel"],
    "importjob": _JOBS["import"],
    "dataimport": "a data import",
    "dataindex": "a data index",
    "environment": "an environment: name it in a job file with `environment: file:<this file>`",
    "datastore": "a datastore",
    **dict.fromkeys(("azureblob", "azurefile", "azuredatalake", "onelake"), "a datastore"),
    "connection": "a connection",
    "modelversionpackage": "a model package",
    "model": "a model",
    "featurestore": "a feature store",
    "featureset": "a feature set",
    "compute": "a compute",
    "workspace": "a workspace",
    "registry": "a registry",
    "flow": "a prompt flow",
    "run.schema": "a run of a prompt flow",
    "data.schema": "a data asset",
}
"""Part of the name of a `$schema` → what the file is."""
_KEYS = (
    ({"create_job"}, "a schedule"),
    ({"trigger"}, "a schedule"),
    ({"create_monitor"}, "a monitoring schedule"),
    ({"on", "jobs"}, "a workflow of GitHub Actions"),
    ({True, "jobs"}, "a workflow of GitHub Actions"),  # YAML takes `on` for a boolean
    ({"jobs"}, _JOBS["pipeline"]),
    ({"is_deterministic"}, "a component"),
    ({"endpoint_name"}, "a deployment"),
    ({"auth_mode"}, "an endpoint"),
    ({"python", "build_dependencies"}, "an environment of MLflow"),
    ({"dependencies"}, "a Conda file: name it in a job file with `environment: {image: …, conda_file: …}`"),
    ({"model_id"}, "an endpoint"),
    ({"managed_network"}, "a workspace"),
    ({"min_instances"}, "a compute"),
    ({"size", "max_instances"}, "a compute"),
    ({"image", "services"}, "a file of Docker Compose"),
    ({"account_name"}, "a datastore"),
    ({"name", "runtime"}, "a Pulumi project"),
    ({"config"}, "the settings of a stack"),
)
"""Keys that only such a file has → what it is; for files without `$schema` and `type`."""
_OF_JOBS = frozenset(
    {"command", "code", "environment", "compute", "distribution", "resources", "limits", "environment_variables"}
)
"""Keys that only a job has, among the files of Azure ML."""
_OF_ENVIRONMENTS = frozenset({"image", "build", "conda_file"})


def is_sweep(content: Mapping[Any, Any]) -> bool:
    """Whether the file is a sweep job."""
    kind, schema = content.get("type"), str(content.get("$schema") or "").rsplit("/", 1)[-1].lower()
    if kind is not None:
        return bool(kind == "sweep")
    return "sweepjob" in schema or (not schema and "search_space" in content and "jobs" not in content)


def other_kind(content: Mapping[Any, Any]) -> str | None:
    """What the file is, with an article and often with what to do; None for a job that runs, or if nothing tells."""
    if is_sweep(content):
        return None
    schema = str(content.get("$schema") or "").rsplit("/", 1)[-1].lower()
    if "commandjob" in schema:
        return _of_type(content, _JOBS)
    named = next((kind for part, kind in _SCHEMAS.items() if part in schema), None)
    return named or _of_type(content, _JOBS | _ASSETS) or _of_keys(content)


def _of_type(content: Mapping[Any, Any], types: Mapping[str, str]) -> str | None:
    kind = content.get("type")
    return types.get(kind) if isinstance(kind, str) else None


def _of_keys(content: Mapping[Any, Any]) -> str | None:
    keys = {getattr(key, "value", key) for key in content}
    if "command" in keys and not keys & {"jobs", "trial", "search_space", "is_deterministic"}:
        return None
    for needed, kind in _KEYS:
        if needed <= keys:
            return kind
    if keys & _OF_JOBS or content.get("type") == "command":
        return None
    return _SCHEMAS["environment"] if keys & _OF_ENVIRONMENTS else "no job file"
