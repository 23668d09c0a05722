"""What trainup says where somebody asks for a sweep of hyperparameters, in Azure ML's words: it has none yet."""

KEYS = frozenset({"sweep", "sweeps", "search_space", "sampling_algorithm", "objective", "early_termination", "trial"})
"""Keys that ask for a sweep; all but the first two are those of Azure ML's sweep jobs."""
INSTEAD = "declare a run for each trial, with its values in the command"
NOT_YET = f"trainup does not run sweeps yet: {INSTEAD}"
