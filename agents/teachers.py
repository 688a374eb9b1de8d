"""Who answers: address, key, a model for each part, prices and limits, as the YAML has them."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from agents.gate import Limits, Load
from agents.messages import Picture, Reply, Request
from agents.spoken import Abilities

Part = Literal["propose", "screen", "search", "verify", "summarize"]
"""What a teacher is asked to be."""
PARTS: dict[str, Part] = {
    "answer": "screen",
    "unique": "screen",
    "locate": "search",
    "adjust": "search",
    **{part: part for part in get_args(Part)},
}
"""The part that each role of a request belongs to. Whoever screens also answers the tool `ask`."""
LETTERS_PER_TOKEN = 4
"""Of English prose; only for estimates."""


class Price(BaseModel):
    """Of a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class EndpointConfig(BaseModel):
    """Where the teacher is and how patiently it is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = "local-teacher"
    models: dict[Part, str] = {}
    """Other models for some of the parts; the rest is asked of `model`."""
    key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; the key itself is never stored."""
    timeout_seconds: float = Field(120.0, gt=0)
    """Deadline of one try."""
    tries: int = Field(6, ge=1)
    """Tries of one request before the endpoint counts as gone."""
    patience_seconds: float = Field(90.0, ge=0)
    """An endpoint does not count as gone before this either: it may be starting again."""
    max_wait_seconds: float = 30.0
    """Longest pause between two tries, unless the endpoint asks for more with Retry-After."""
    temperature: float = 0.0
    max_tokens: int = 1024
    limits: Limits = Limits()
    prices: dict[str, Price] = {}
    """By model, per million tokens."""
    abilities: dict[str, Abilities] = {}
    """By model; what is not said here is found out at the start of a run."""

    def model_for(self, role: str) -> str:
        return self.models.get(PARTS.get(role, "search"), self.model)

    @property
    def all_models(self) -> list[str]:
        """Every model that is asked, once."""
        return list(dict.fromkeys(self.models.get(part, self.model) for part in get_args(Part)))

    def able(self, model: str) -> Abilities:
        return self.abilities.get(model, Abilities())

    def cost(self, model: str, prompt_tokens: float, completion_tokens: float) -> float:
        price = self.prices.get(model)
        return (prompt_tokens * price.input + completion_tokens * price.output) / 1e6 if price else 0.0

    def at_most(self, request: Request) -> Load:
        """What a request may come to, before it is sent."""
        asked = sum(_tokens(part) for message in request.messages for part in message.content)
        return Load(asked + request.max_tokens, self.cost(request.model, asked, request.max_tokens))

    def came_to(self, request: Request, reply: Reply) -> Load:
        """What a request did come to, by the endpoint's own count."""
        cost = self.cost(request.model, reply.prompt_tokens, reply.completion_tokens)
        return Load(reply.prompt_tokens + reply.completion_tokens, cost)


def _tokens(part: str | Picture) -> float:
    return len(part) / LETTERS_PER_TOKEN if isinstance(part, str) else part.view.visual_tokens
