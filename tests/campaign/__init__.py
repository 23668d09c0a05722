"""Random kills at every stage, and the count of what was lost or doubled."""
