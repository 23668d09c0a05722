"""The beginning of a script that logs a metric to MLflow without its package, on either target."""

LOG = """\
import json, os, pathlib, sys, time, urllib.request
def log(value, step):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "accuracy", "value": value, "timestamp": step, "step": step}
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = "Bearer " + token
    address = os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://") + "/api/2.0/mlflow/runs/log-metric"
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers)).read()
"""
HOPELESS = (
    LOG
    + """\
rate = float(sys.argv[1])
for step in range(600 if rate < 0.5 else 40):
    log(rate, step)
    time.sleep(0.1)
"""
)
"""A trial whose rate is low goes on and on, until it is ended."""
PRUNED = {
    "sampling_algorithm": "grid",
    "search_space": {"rate": [0.9, 0.1]},
    "objective": {"primary_metric": "accuracy", "goal": "maximize"},
    "early_termination": {"type": "bandit", "slack_amount": 0.2, "evaluation_interval": 5},
}
