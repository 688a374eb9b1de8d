"""What a run came to: counted from its folder, never from memory."""

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from pipeline.config import RunConfig
from pipeline.journal import Usage
from pipeline.records import Traced
from pipeline.stages import STAGES
from pipeline.store import Store

if TYPE_CHECKING:
    from pipeline.export import ExportResult


class AuditResult(BaseModel):
    """How the exported answers compare with what was really drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int
    """Traces that could be compared."""
    answers_right: float
    """Share of them whose answer is exactly what was drawn."""
    evidence_in_last_crop: float
    """Share of the zooming ones whose last crop holds all that has to be seen."""
    wrong: list[str] = []
    """Ids of traces with another answer than what was drawn."""


class Summary(BaseModel):
    """The numbers of a run, as `summary.json` has them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int
    tasks: int
    traces: int
    rejects: dict[str, dict[str, int]]
    zooms: dict[str, int]
    audit: AuditResult | None
    teacher_calls: int
    seconds: dict[str, float]
    usage: dict[str, Usage]
    """What each stage asked of the teacher: calls, tokens, cost. Nothing that was answered from a call log."""
    funnel: dict[str, tuple[int, int]]
    """Per stage: records that went in, records that came out."""
    kinds: dict[str, int]
    dropped: dict[str, int]
    """Traces left out by the export, by reason."""
    failed: dict[str, int]
    """Records per stage that met a bug; they are tried again on the next start."""
    dataset: str


def summarize_run(store: Store, config: RunConfig, exported: "ExportResult") -> Summary:
    """Count what is in a run folder."""
    from pipeline.audit import audit_run

    funnel, rejects, failed = {}, {}, {}
    for stage in STAGES:
        made = [len(content["records"]) for _, content in store.outcomes(stage.name)]
        funnel[stage.name] = (len(made), sum(made))
        reasons = Counter(reject.reason for reject in store.rejected(stage.name))
        if reasons:
            rejects[stage.name] = dict(reasons.most_common())
        bugs = sum(1 for _ in store.failed(stage.name))
        if bugs:
            failed[stage.name] = bugs
    zooms: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    for _, content in store.outcomes(STAGES[-1].name):
        for record in content["records"]:
            traced = Traced.model_validate(record)
            zooms[len(traced.trace.zooms)] += 1
            kinds[traced.task.kind] += 1
    return Summary(
        images=funnel["sample"][1],
        tasks=funnel["propose"][1],
        traces=sum(exported.rows.values()),
        rejects=rejects,
        zooms={str(number): count for number, count in sorted(zooms.items())},
        audit=audit_run(store, config),
        teacher_calls=sum(1 for stage in STAGES for _ in store.calls(stage.name)),
        seconds={name: round(seconds, 1) for name, seconds in store.seconds().items()},
        usage=store.usage(),
        funnel=funnel,
        kinds=dict(sorted(kinds.items())),
        dropped=dict(Counter(reject.reason for reject in exported.dropped)),
        failed=failed,
        dataset=str(config.folder / "dataset"),
    )


def as_text(summary: Summary) -> str:
    """The summary as a person reads it in a terminal."""
    lines = ["", f"images {summary.images} · tasks {summary.tasks} · traces {summary.traces}", ""]
    lines.append(f"{'stage':<12}{'in':>7}{'out':>7}{'seconds':>10}   set aside")
    for stage, (went_in, came_out) in summary.funnel.items():
        reasons = ", ".join(f"{reason} {count}" for reason, count in summary.rejects.get(stage, {}).items())
        lines.append(f"{stage:<12}{went_in:>7}{came_out:>7}{summary.seconds.get(stage, 0):>10.1f}   {reasons}")
    lines.append("seconds: of all records together, waiting for the teacher included; many are in flight at once")
    total = max(1, sum(summary.zooms.values()))
    shares = " · ".join(f"{number} in {count} ({count / total:.0%})" for number, count in summary.zooms.items())
    lines += ["", f"zooms: {shares}"]
    lines.append("kinds: " + " · ".join(f"{kind} {count}" for kind, count in summary.kinds.items()))
    if summary.dropped:
        lines.append("left out by export: " + ", ".join(f"{why} {n}" for why, n in summary.dropped.items()))
    if summary.audit:
        lines.append(audit_text(summary.audit))
    lines.append(f"teacher calls: {summary.teacher_calls}")
    lines += [f"  {stage:<10} {usage_text(usage)}" for stage, usage in summary.usage.items()]
    if summary.failed:
        lines.append(f"FAILED (bugs; see failed/ in the run folder): {summary.failed}")
    lines += ["", f"dataset: {summary.dataset}"]
    return "\n".join(lines)


def usage_text(usage: Usage) -> str:
    """Calls, tokens and, where there are prices, the cost."""
    tokens = f"{usage.calls} calls · {usage.prompt_tokens:,} tokens in · {usage.completion_tokens:,} out"
    return f"{tokens} · cost {usage.cost:.2f}" if usage.cost else tokens


def audit_text(audit: AuditResult) -> str:
    return (
        f"audit against what was drawn: {audit.answers_right:.1%} of {audit.n} answers exactly right, "
        f"evidence in the last crop {audit.evidence_in_last_crop:.1%}"
    )
