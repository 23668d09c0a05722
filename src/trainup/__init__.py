"""`pulumi up` for training: registry, cluster, image and the training run in one declarative program."""
