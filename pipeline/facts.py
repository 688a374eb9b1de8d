"""What the dataset card is told of a run: teacher, funnel, configuration, cost, audit."""

from collections import Counter

from agents.messages import Reply
from pipeline.audit import audit_run
from pipeline.config import RunConfig, fixed
from pipeline.export import Audit, CardFacts, FunnelStage
from pipeline.export.card import portable
from pipeline.journal import Usage
from pipeline.stages import STAGES
from pipeline.store import Store
from pipeline.version import code_version


def card_facts(store: Store, config: RunConfig) -> CardFacts:
    """Facts that depend on the records and the call log alone, so that the same ones give the same card."""
    usage = {stage.name: _usage(store, stage.name) for stage in STAGES}
    return CardFacts(
        teacher=portable(config.teacher.model),
        teachers=portable(config.teacher.models),
        local_teacher=config.teacher.local,
        seed=config.seed,
        code_version=code_version(),
        funnel=tuple(_funnel(store, stage.name) for stage in STAGES),
        configuration={key: value for key, value in fixed(config).items() if key != "sample.images"},
        usage={stage: used for stage, used in usage.items() if used.calls},
        audit=_audit(store, config),
        drawn=config.sample.images == "drawn",
    )


def _funnel(store: Store, stage: str) -> FunnelStage:
    made = [len(content["records"]) for _, content in store.outcomes(stage)]
    reasons = Counter(reject.reason for reject in store.rejected(stage))
    return FunnelStage(stage=stage, taken=len(made), accepted=sum(made), rejected=dict(sorted(reasons.items())))


def _usage(store: Store, stage: str) -> Usage:
    """By the call log: what several starts paid for and lost is not in it, and a replay has the same."""
    total = Usage()
    for call in store.calls(stage):
        reply = Reply.model_validate(call["reply"])
        total = total.plus(Usage(1, reply.prompt_tokens, reply.completion_tokens, reply.cost))
    # Requests that are under way together are noted in any order, and a sum of fractions depends on it.
    return total._replace(cost=round(total.cost, 6))


def _audit(store: Store, config: RunConfig) -> Audit | None:
    found = audit_run(store, config)
    return Audit.model_validate(found.model_dump(exclude={"wrong"})) if found else None
