"""What is told of the run that is replaced."""

from trainup.provider.run_reports import last_time


def test_what_the_last_one_took_and_cost_is_told_where_it_began() -> None:
    phases = {"queued": 3.2, "preparing": 0.0, "running": 724.0}
    outputs = {"name": "digits-6c3e449ba5eb", "status": "Completed", "phases": phases, "cost": 0.1312}
    assert last_time(outputs) == (
        "the last one, digits-6c3e449ba5eb (Completed), took queued 3.2 s, running 12 m 4 s, and cost 0.1312 US dollars"
    )
    assert last_time({**outputs, "cost": 0.0, "phases": {"running": 2.0}}) == (
        "the last one, digits-6c3e449ba5eb (Completed), took running 2.0 s"
    )
    assert last_time({"status": "Queued", "phases": {}}) is None
