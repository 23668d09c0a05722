"""Code on its way to Azure ML."""

import threading
from pathlib import Path

import pytest

from tests.azure.runs.conftest import World
from trainup.core.status import Status
from trainup.jobs import snapshot
from trainup.jobs.snapshot import SnapshotError
from trainup.jobs.snapshot.tree_hash import TreeHashes
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused, unavailable

CODES = "Microsoft.MachineLearningServices/workspaces/codes/versions"


def uploads(world: World) -> list[str]:
    return [entry.path for entry in world.azure.journal.entries if entry.method == "PUT" and "/code/" in entry.path]


def starts(world: World) -> list[str]:
    return [entry.path for entry in world.azure.journal.entries if entry.path.endswith("/startPendingUpload")]


def hashed(world: World) -> None:
    """Remember the hash of the code, as the check of a run's inputs does."""
    hashes = TreeHashes(world.project / ".trainup" / "azure-code.json")
    cache = snapshot.StatCache(world.project / ".trainup" / "cache.json")
    snapshot.take(world.project / "code", cache=cache, trees=hashes)
    hashes.save()


def test_an_unchanged_tree_is_uploaded_once_and_not_even_read_again(world: World) -> None:
    world.write(main__sh="echo $0", more__txt="x")
    world.run(world.job(command=["bash", "main.sh"], source="code"))
    first = uploads(world)
    assert len(first) == 2
    world.run(world.job(command=["bash", "main.sh", "again"], source="code"))
    assert uploads(world) == first
    assert len(world.azure.resources(CODES)) == 1


def test_an_upload_starts_while_azure_is_asked_whether_it_has_the_code(world: World) -> None:
    """Code that is new takes no round trip more than code whose absence is known."""
    world.write(main__sh="echo $0")
    started, seen = threading.Event(), []
    world.azure.faults.add(Fault("POST", path="*/startPendingUpload", call=started.set))
    world.azure.faults.add(Fault("GET", path="*/codes/*/versions", call=lambda: seen.append(started.wait(30))))
    job = world.job(command=["bash", "main.sh"], source="code")
    hashed(world)
    world.run(job)
    assert seen == [True]
    assert len(starts(world)) == 1


def test_no_upload_starts_for_code_that_the_workspace_is_known_to_have(world: World) -> None:
    world.write(main__sh="echo $0")
    hashed(world)
    for argument in ("one", "two"):
        world.run(world.job(command=["bash", "main.sh", argument], source="code"))
    assert len(starts(world)) == 1


def test_an_upload_that_was_started_early_and_refused_is_started_again(world: World) -> None:
    world.write(main__sh="echo $0")
    hashed(world)
    refusal = Refused(403, "Forbidden", "The workspace's identity has no role on its storage.")
    world.azure.faults.add(Fault("POST", path="*/startPendingUpload", error=refusal))
    record, _ = world.run(world.job(command=["bash", "main.sh"], source="code"))
    assert record.status is Status.COMPLETED
    assert len(starts(world)) == 2


def test_what_another_client_has_uploaded_is_taken(world: World) -> None:
    """FileFacts by the hash alone, whatever its name."""
    world.write(main__sh="echo $0")
    first = world.job(command=["bash", "main.sh"], source="code")
    world.run(first)
    (code,) = world.azure.resources(CODES)
    other = f"{world.sample.workspace}/codes/another-clients-own/versions/1"
    world.azure.put(other, "2025-12-01", {"properties": code["properties"]})
    world.azure.delete(code["id"])
    before = len(uploads(world))
    record, _ = world.run(world.job(command=["bash", "main.sh", "again"], source="code"))
    assert record.status is Status.COMPLETED
    assert len(uploads(world)) == before
    job = next(job for job in world.jobs() if job["name"] == record.name)
    assert job["properties"]["codeId"] == other


def test_the_file_that_calls_the_upload_complete_is_the_last_one(world: World) -> None:
    world.write(a__txt="a", b__txt="b", main__sh="cat a.txt")
    world.run(world.job(command=["bash", "main.sh"], source="code"))
    sent = [path.rpartition("/code/")[2] for path in uploads(world)]
    assert (sorted(sent[:-1]), sent[-1]) == (["b.txt", "main.sh"], "a.txt")
    account, container, *_ = uploads(world)[0].strip("/").split("/")
    blobs = dict(world.azure.storage.list(account, container, "code/"))
    marked = {name: blob.metadata.get("upload_status") for name, blob in blobs.items()}
    assert marked == {"code/a.txt": "completed", "code/b.txt": None, "code/main.sh": None}


def test_a_crash_in_the_middle_leaves_nothing_that_counts_as_complete(world: World) -> None:
    world.write(a__txt="a", main__sh="cat a.txt")
    world.azure.faults.add(Fault("PUT", path="*/code/main.sh", error=unavailable(500), times=9))
    job = world.job(command=["bash", "main.sh"], source="code")
    with pytest.raises(Exception, match="500"):
        world.run(job)
    assert world.azure.resources(CODES) == []
    record, heard = world.run(job)
    assert (record.status, heard.lines) == (Status.COMPLETED, ["a"])


def test_a_file_that_changes_while_it_is_uploaded_is_an_error_and_not_what_trains(world: World) -> None:
    world.write(a__txt="a", main__sh="cat a.txt")
    job = world.job(command=["bash", "main.sh"], source="code")
    path: Path = world.project / "code" / "a.txt"
    world.azure.faults.add(Fault("POST", path="*/startPendingUpload", call=lambda: path.write_text("b") and None))
    with pytest.raises(SnapshotError, match=r"a\.txt \(changed\)"):
        world.run(job)
    assert world.azure.resources(CODES) == []
    assert world.jobs() == []


def test_two_who_upload_the_same_tree_at_once_register_it_once(world: World) -> None:
    world.write(main__sh="echo $1")
    threads = [
        threading.Thread(
            target=world.run, args=[world.job(f"r{n}", command=["bash", "main.sh", str(n)], source="code")]
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.azure.resources(CODES)) == 1
    assert len(world.jobs()) == 4
