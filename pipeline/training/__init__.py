"""Training: pictures and traces that a small model can learn from, and the small model itself."""
