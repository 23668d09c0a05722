"""What `trainup up` shows: the engine's events, as lines that stay and as one line for each run that moves."""
