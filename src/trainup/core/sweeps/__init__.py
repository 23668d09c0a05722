"""Sweeps of hyperparameters in Azure ML's words: their declarations, their points, and which trials end early."""
