"""The chain of parts that nobody can beat."""

from bench.start import Step, critical_path, steps


def test_the_critical_path_is_the_longest_chain_and_not_the_longest_step() -> None:
    parts = {
        "slow": Step(9),
        "first": Step(5),
        "second": Step(5, ("first",)),
        "end": Step(1, ("slow", "second")),
        "beside": Step(100),
    }
    assert critical_path(parts, "end") == (11, ["first", "second", "end"])


def test_the_dev_stack_waits_for_its_image_and_then_for_its_node() -> None:
    assert critical_path(steps(), "pull") == (15 + 900 + 300 + 300, ["registry", "image", "node", "pull"])
