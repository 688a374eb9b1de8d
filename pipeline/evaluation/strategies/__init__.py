"""Strategies: plain functions over one policy and one accounting. A new one is one function in one of these files."""

from pipeline.evaluation.strategies import focus, guided, once
from pipeline.evaluation.strategies.registry import STRATEGIES, Strategy

__all__ = ["STRATEGIES", "Strategy", "focus", "guided", "once"]
