"""`trainup completion`: the script by which a shell completes commands and options."""

import click
from click.shell_completion import get_completion_class

SHELLS = {
    "bash": "echo 'eval \"$(trainup completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(trainup completion zsh)\"' >> ~/.zshrc",
    "fish": "trainup completion fish > ~/.config/fish/completions/trainup.fish",
}
"""Shell → what makes it complete from now on."""


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script by which SHELL completes commands and options: `eval "$(trainup completion bash)"`."""
    kind = get_completion_class(shell)
    assert kind is not None
    print(kind(context.find_root().command, {}, "trainup", "_TRAINUP_COMPLETE").source())
