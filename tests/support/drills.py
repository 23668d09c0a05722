"""What a drill showed, as tests need it."""

from trainup.core.drills import DrillResult

SURVIVED = DrillResult(
    run="pets",
    original="pets-0123456789ab",
    attempts=("pets-drill-0123456789ab", "pets-drill-0123456789ab-a2"),
    status="Completed",
    evicted_after=12.25,
    evicted_step=3,
    resumed_step=4,
    final_step=9,
    original_step=9,
    metrics={"accuracy": 0.97125},
    original_metrics={"accuracy": 0.9725, "loss": 0.5},
    time="2026-01-01T00:00:00Z",
)
