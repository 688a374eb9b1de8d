"""The operator's errors of training: one sentence with the remedy each."""


class TrainingError(Exception):
    """Training or using a policy cannot start or go on."""


class EncodingError(TrainingError):
    """A conversation that cannot be encoded for a model."""


class PolicyError(TrainingError):
    """A model that cannot be used as asked."""
