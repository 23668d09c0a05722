"""What a preview tells about runs: what is uploaded, and what changed since the last run. Nothing here writes."""
