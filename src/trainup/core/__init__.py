"""Vocabulary and rules that all other packages share: keys, spec, digest, statuses, errors. No Pulumi."""
