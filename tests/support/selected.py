"""What `pulumi stack select` notes."""

import hashlib
import json
import os
from pathlib import Path


def select(project: Path, stack: str, file: str = "Pulumi.yaml") -> None:
    """Note a stack as the selected one of a project, where the CLI would."""
    name = next(line.split()[1] for line in (project / file).read_text().splitlines() if line.startswith("name:"))
    home = Path(os.environ["PULUMI_HOME"])
    (home / "workspaces").mkdir(parents=True, exist_ok=True)
    path = hashlib.sha1(str(project / file).encode(), usedforsecurity=False).hexdigest()
    (home / "workspaces" / f"{name}-{path}-workspace.json").write_text(json.dumps({"stack": stack}))
