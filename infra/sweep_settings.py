"""`sweep` of a run in a stack file: whatever is written there, which the provider judges as a whole."""

from typing import Annotated, Any


class _Form:
    """The form of a sweep for editors. It is loaded where somebody asks for it, since every `up` loads the settings."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        from trainup.infra.sweep_schema import SCHEMA

        return dict(SCHEMA)


SweepSettings = Annotated[Any, _Form()]
