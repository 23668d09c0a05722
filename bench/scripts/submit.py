"""trainup's own client submits a folder as a run, as the plugin does when it does not wait.

python submit.py ADDRESS WORKSPACE CLUSTER ENVIRONMENT FOLDER
"""

import sys
from pathlib import Path

from trainup.jobs import lifecycle, snapshot
from trainup.jobs.azure.http.connection import CODE_HASHES
from trainup.jobs.job_inputs import job_of
from trainup.jobs.target import Owner
from trainup.jobs.targets import target_of

_, workspace, cluster, environment, folder = sys.argv[1:]
source = Path(folder)
project = source.parent
trees = snapshot.TreeHashes(project / CODE_HASHES)
taken = snapshot.take(source, cache=snapshot.StatCache(project / "cache.json"), trees=trees)
trees.save()
inputs = {
    "run": "bench",
    "target": "azure",
    "workspace": workspace,
    "cluster": cluster,
    "image": "fastai2:1",
    "environment": environment,
    "source": source.name,
    "script": "main.py",
    "snapshot_digest": taken.digest,
    "manifest": taken.manifest,
}
lifecycle.start(target_of(inputs, project), job_of(inputs, project, Owner("urn:bench", "token")))
