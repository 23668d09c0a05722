"""Why a server did not start, from what it printed."""

TAIL_LINES = 15
BANNER = "Azure ML Inferencing HTTP server v"
"""What the server prints first."""
OF_SERVER = "azureml_inference_server_http."
"""The beginning of the server's own errors, which say that the script had one."""
ENDINGS = ("Error", "Exception", "Exit", "Interrupt", "Warning")


def failure(log: str) -> str:
    """The sentence about a server that ended: its error, and the last lines since it was last started."""
    lines = log.rpartition(BANNER)[2].splitlines()
    tail = "\n".join(lines[-TAIL_LINES:])
    return f"its server ended: {_error_in(lines)}\nThe last lines of its log:\n{tail}"


def _error_in(lines: list[str]) -> str:
    """The last line of a trace, which says what went wrong."""
    for line in reversed(lines):
        name = line.split(":", 1)[0]
        is_error = name.rpartition(".")[2].isidentifier() and name.endswith(ENDINGS)
        if is_error and not line.startswith(OF_SERVER):
            return line
    return "its log says why"
