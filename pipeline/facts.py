"""What the dataset card is told of a run: teacher, funnel, configuration."""

from collections import Counter

from pipeline.config import RunConfig, fixed
from pipeline.export import CardFacts, FunnelStage
from pipeline.stages import STAGES
from pipeline.store import Store
from pipeline.version import code_version


def card_facts(store: Store, config: RunConfig) -> CardFacts:
    """Facts that depend on the records alone, so that the same records give the same card."""
    return CardFacts(
        teacher=config.teacher.model,
        seed=config.seed,
        code_version=code_version(),
        funnel=tuple(_funnel(store, stage.name) for stage in STAGES),
        configuration={key: value for key, value in fixed(config).items() if key != "sample.images"},
        usage={"requests": sum(1 for stage in STAGES for _ in store.calls(stage.name))},
        source="drawn scenes" if config.sample.images == "drawn" else "photos",
    )


def _funnel(store: Store, stage: str) -> FunnelStage:
    accepted = sum(len(content["records"]) for _, content in store.outcomes(stage))
    reasons = Counter(reject.reason for reject in store.rejected(stage))
    return FunnelStage(stage=stage, accepted=accepted, rejected=dict(sorted(reasons.items())))
