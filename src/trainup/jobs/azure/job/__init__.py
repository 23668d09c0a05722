"""Jobs of Azure ML: starts, observes and cancels them, and reads their logs, metrics and files."""
