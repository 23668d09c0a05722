"""Jobs of Azure ML: what starts one, and what the service says of it."""
