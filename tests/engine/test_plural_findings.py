"""Everything that is wrong is told by one preview, whoever finds it out, and in no words but ours."""

import pytest
import yaml

from tests.support.project import Project

pytestmark = pytest.mark.engine


def test_one_preview_tells_the_findings_of_every_round(project: Project) -> None:
    project.script("print(1)\n")
    project.script("#!/bin/sh\necho hello\n", name="run.sh")
    project.script("#!/bin/bash\necho hello\n", name="shell.py")
    (project.folder / "code" / "package").mkdir()
    (project.folder / "code" / "package" / "__init__.py").write_text("")
    (project.folder / "job.yml").write_text(yaml.safe_dump({"command": "./run.sh", "code": "code", "tag": {"a": "b"}}))
    run = {"source": "code", "script": "main.py"}
    project.configure(
        cluster={"max_node": 2},
        image={"requirements": "missing.txt"},
        data={"pets": {"path": "nowhere"}},
        runs={
            "schema": {**run, "retries": -1},
            "reference": {**run, "after": ["scema"]},
            "source": {**run, "source": "gone"},
            "script": {**run, "script": "trian.py", "after": ["reference"]},
            "folder": {**run, "script": "package"},
            "notebook": {**run, "script": "a.ipynb"},
            "shell": {**run, "script": "shell.py"},
            "bit": {"source": "code", "command": ["./run.sh"]},
            "sourceless": {"command": ["./run.sh"]},
            "expression": {**run, "arguments": ["${{input.x}}"]},
            "path": {**run, "environment_variables": {"PATH": "/data/bin"}},
            "file": {"job": "job.yml"},
            "typo": {**run, "scritp": "x"},
        },
    )
    refused = project.preview()
    assert refused.code != 0
    for told in (
        "trainup:cluster.max_node: there is no such key; there are name, max_nodes: did you mean max_nodes?",
        "trainup:runs.schema.retries: ",
        "trainup:runs.reference.after: there is no run 'scema'",
        "did you mean schema?",
        "trainup:image.requirements: ",
        "trainup:data.pets.path: ",
        "trainup:runs.source.source: ",
        "trainup:runs.script.script: code/trian.py does not exist",
        "trainup:runs.folder.script: code/package is a folder",
        "trainup:runs.notebook.script: a.ipynb is a notebook",
        "trainup:runs.shell.script: code/shell.py is no Python script, but one for bash",
        "trainup:runs.bit.command: code/run.sh may not be executed: `chmod +x code/run.sh`",
        "trainup:runs.sourceless.command: ./run.sh would be a file of the source folder",
        "trainup:runs.expression.arguments: ${{input.x}} is filled in by nothing",
        "trainup:runs.path.environment_variables.PATH: PATH is '/data/bin'",
        "trainup:runs.file.job: job.yml: tag: a command job has no such key",
        "did you mean tags?",
        "trainup:runs.file.job: code/run.sh may not be executed",
        "trainup:runs.typo.scritp: there is no such key",
        "did you mean script?",
    ):
        assert told in refused.text, f"{told}\n{refused.text}"
    assert "unhandled error" not in refused.text
    assert "Traceback" not in refused.text
    assert refused.text.count("code/trian.py does not exist") == 1
    assert not (project.folder / ".trainup").exists()


def test_a_wrong_target_does_not_judge_the_keys_of_another(project: Project) -> None:
    project.configure(target="azur", cluster={"size": "gpu-small", "max_nodes": 2}, tags={"a": "b"}, runs={})
    refused = project.preview()
    assert refused.code != 0
    assert "Pulumi.test.yaml has 1 problem(s)" in refused.text, refused.text
    assert "trainup:target: " in refused.text
