"""`trainup:costs`, on every target."""

from typing import Annotated, Literal

from pydantic import Field

from trainup.infra.sections import Section

Currency = Literal[
    "USD", "AUD", "BRL", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "INR", "JPY", "KRW", "NOK", "NZD", "SEK", "TWD"
]
"""The currencies of Azure's retail prices."""


class CostSettings(Section):
    """`trainup:costs`: ceilings that stop a preview before anything starts, and the currency of prices."""

    currency: Currency = "USD"
    """Currency of prices and ceilings. `node_price` and `cost` are in US dollars, whatever this is."""
    max_cost_per_run: Annotated[float, Field(gt=0)] | None = None
    """What a run may cost at most: nodes times timeout times price times attempts; one without a timeout is refused."""
    max_cost_per_hour: Annotated[float, Field(gt=0)] | None = None
    """What an hour of all that may run side by side may cost, endpoints included."""
    max_monthly_idle_cost: Annotated[float, Field(ge=0)] | None = None
    """What a month in which nothing runs may cost, endpoints included, without what depends on use."""

    @property
    def ceilings(self) -> dict[str, float]:
        """Name → amount, of the ceilings that are set."""
        return {name: value for name, value in self.model_dump(exclude={"currency"}, exclude_none=True).items()}
