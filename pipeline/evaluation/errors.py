"""Errors of an evaluation that the operator can mend."""

from pipeline.training.errors import TrainingError


class EvaluationError(TrainingError):
    """An evaluation that cannot go on as it was asked for; the message says why and what to do."""
