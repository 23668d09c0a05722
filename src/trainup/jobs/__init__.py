"""What runs and records training jobs. No Pulumi."""
