"""Pure vocabulary below everything: statuses, failure classes, spec and digest. No Pulumi, no I/O."""
