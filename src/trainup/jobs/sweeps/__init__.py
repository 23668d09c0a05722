"""How the trials of a sweep are started, judged and taken over, on any target."""
