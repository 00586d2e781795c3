"""`price_table`: what the tokens cost at a price per million, from the spec or from the `genai-prices` package.

The package is the extra `prices`; only this file imports it. Its data is the one inside the installed version: nothing is fetched.
"""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal

import msgspec

from bench.cost.settings import known, price, shown
from bench.errors import MissingExtension
from bench.records.cost import CostBasis, CostEstimate
from bench.records.quantity import Money
from bench.records.spec import ModelSpec

_PER = 1_000_000
_PRICES = ("input_per_million", "output_per_million", "cached_per_million")
_EXAMPLE = (
    "cost: {model: price_table, input_per_million: 0.15 USD, output_per_million: 0.60 USD} "
    "or cost: {model: price_table, provider: openai, price_of: gpt-4o-mini}"
)
# Without a date the newest prices of the installed table hold. Noon, because some tables have a cheaper night; a fixed date, so that a report
# made again tomorrow says the same.
_NEWEST = datetime.datetime(9999, 1, 1, 12, tzinfo=datetime.UTC)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "input_per_million": {"type": "string", "description": "Price of a million prompt tokens, for example `0.15 USD`."},
        "output_per_million": {"type": "string", "description": "Price of a million output tokens, for example `0.60 USD`."},
        "cached_per_million": {
            "type": "string",
            "description": "Price of a million prompt tokens read from the cache; else the input price.",
        },
        "provider": {"type": "string", "minLength": 1, "description": "Provider in the price table of the `genai-prices` package."},
        "price_of": {"type": "string", "minLength": 1, "description": "Model in that table; the name the server knows the model by if not given."},
        "date": {"type": "string", "format": "date", "description": "The day whose prices hold (2026-11-22); the newest of the table if not given."},
    },
    "additionalProperties": False,
    "anyOf": [{"required": ["input_per_million", "output_per_million"]}, {"required": ["provider"]}, {"required": ["price_of"]}],
}


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of a million tokens, all in one currency."""

    input: Money
    output: Money
    cached: Money


class PriceTable:
    """Cost = uncached prompt tokens × input price + cached prompt tokens × cached price + output tokens × output price.

    Prices stand in the spec, or come from the `genai-prices` table (US dollars, list prices). Reasoning tokens are output tokens.
    """

    def __init__(self, settings: Any) -> None:
        """Read the settings. Raises: ValueError when they make no sense, MissingExtension when the table is asked for and not installed."""
        options = known(settings, (*_PRICES, "provider", "price_of", "date"), _EXAMPLE)
        declared = [name for name in _PRICES if name in options]
        self._prices: Prices | None = None
        self._provider: str | None = None
        if declared:
            if any(name in options for name in ("provider", "price_of", "date")):
                raise ValueError(f"write either prices or a provider of the price table, not both. For example: {_EXAMPLE}")
            self._prices = _declared(options)
            return
        if "provider" not in options and "price_of" not in options:
            raise ValueError(f"write the prices, or the provider whose price list holds. For example: {_EXAMPLE}")
        self._provider = _word(options, "provider") if "provider" in options else None
        self._price_of = _word(options, "price_of") if "price_of" in options else None
        self._date = _date(options.get("date"))
        if find_spec("genai_prices") is None:
            raise MissingExtension(
                "price_table without prices in the spec needs the Python package genai-prices, which is not installed",
                hint="pip install 'bench-spec[prices]', or write input_per_million and output_per_million in the spec",
            )

    def run_cost(self, basis: CostBasis) -> CostEstimate:
        """The cost of all tokens."""
        if self._prices is not None:
            return _at_declared_prices(basis, self._prices)
        return self._at_list_prices(basis, self._price_of or basis.model.model or basis.model.id)

    def _at_list_prices(self, basis: CostBasis, name: str) -> CostEstimate:
        """Priced as `requests` mean requests, because list prices may depend on the length of a request."""
        import genai_prices  # noqa: PLC0415 - an extra that takes 0.3 s to import, needed only here

        table = f"genai-prices {version('genai-prices')}"
        n = max(basis.requests, 1)
        mean = genai_prices.Usage(
            input_tokens=Decimal(basis.prompt_tokens) / n,
            output_tokens=Decimal(basis.completion_tokens) / n,
            cache_read_tokens=Decimal(basis.cached_tokens) / n,
        )
        try:
            found = genai_prices.calc_price(mean, name, provider_id=self._provider, genai_request_timestamp=self._date)
        except LookupError:
            by = f" by provider {self._provider!r}" if self._provider else ""
            note = f"{table} has no price of {name!r}{by}; write `price_of:` as the table calls it, or the prices themselves"
            return _estimate(basis, None, "list price", "", note)
        day = "the newest prices" if self._date == _NEWEST else f"prices of {self._date:%Y-%m-%d}"
        formula = f"{n} requests × {shown(float(found.total_price))} USD (mean request: {_tokens(basis, n)}; {found.model_price})"
        note = f"{found.provider.name} {found.model.id}, {day} in {table}"
        return _estimate(basis, Money(amount=float(found.total_price * n), currency="USD"), "list price", formula, note)


def _at_declared_prices(basis: CostBasis, prices: Prices) -> CostEstimate:
    cached = min(basis.cached_tokens, basis.prompt_tokens)
    parts = [(basis.prompt_tokens - cached, "input", prices.input), (basis.completion_tokens, "output", prices.output)]
    if cached:
        parts.insert(1, (cached, "cached", prices.cached))
    amount = sum(tokens * money.amount for tokens, _, money in parts) / _PER
    sums = " + ".join(f"{tokens} {kind} tokens × {shown(money.amount)} {money.currency}" for tokens, kind, money in parts)
    cost = Money(amount=amount, currency=prices.input.currency)
    return _estimate(basis, cost, "declared", f"({sums}) ÷ {_PER}", "prices as declared in the spec")


def _estimate(basis: CostBasis, cost: Money | None, source: Literal["declared", "list price"], formula: str, note: str) -> CostEstimate:
    return CostEstimate(
        model_id=basis.model.id,
        variant_id=basis.variant_id,
        cost_model="price_table",
        per="run",
        amount=None if cost is None else cost.amount,
        currency="USD" if cost is None else cost.currency,
        basis=source,
        formula=formula,
        note=note,
    )


def _tokens(basis: CostBasis, n: int) -> str:
    return (
        f"{shown(basis.prompt_tokens / n)} input tokens, {shown(basis.cached_tokens / n)} of them cached, {shown(basis.completion_tokens / n)} output"
    )


def _declared(options: Mapping[str, Any]) -> Prices:
    given = price(options, "input_per_million", _EXAMPLE)
    prices = Prices(
        input=given,
        output=price(options, "output_per_million", _EXAMPLE),
        cached=price(options, "cached_per_million", _EXAMPLE) if "cached_per_million" in options else given,
    )
    currencies = {prices.input.currency, prices.output.currency, prices.cached.currency}
    if len(currencies) > 1:
        raise ValueError(f"the prices are in {' and '.join(sorted(currencies))}; amounts of different currencies are never added, write one")
    return prices


def _word(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is {value!r}; write its name as a text. For example: {_EXAMPLE}")
    return value


def _date(value: Any) -> datetime.datetime:
    if value is None:
        return _NEWEST
    try:
        return datetime.datetime.combine(datetime.date.fromisoformat(value), datetime.time(12), tzinfo=datetime.UTC)
    except (TypeError, ValueError) as error:
        raise ValueError(f"date is {value!r}; write a day such as 2026-11-22") from error


def _basis(prompt: int, cached: int, completion: int) -> CostBasis:
    return CostBasis(
        model=ModelSpec(id="m", runtime="external"),
        variant_id="default",
        requests=30,
        wall_s=150.0,
        busy_s=120.0,
        prompt_tokens=prompt,
        cached_tokens=cached,
        completion_tokens=completion,
    )


EXAMPLES = (
    # 9000 × 0.15 + 3000 × 0.60 = 1350 + 1800 = 3150; ÷ 1,000,000 = 0.00315 USD
    ({"input_per_million": "0.15 USD", "output_per_million": "0.60 USD"}, _basis(9000, 0, 3000), 0.00315, "USD"),
    # 4000 of the 9000 prompt tokens cached at 0.10: 5000 × 0.20 + 4000 × 0.10 + 3000 × 1.00 = 1000 + 400 + 3000 = 4400 → 0.0044 EUR
    (
        {"input_per_million": "0.20 EUR", "output_per_million": "1.00 EUR", "cached_per_million": "0.10 EUR"},
        _basis(9000, 4000, 3000),
        0.0044,
        "EUR",
    ),
)
