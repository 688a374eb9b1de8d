"""Evaluating a policy: benchmarks, ways of looking, and an honest table of accuracy and cost."""
