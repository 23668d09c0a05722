"""The local target: ledger, slots, supervisor, environments and the MLflow server on this machine."""
