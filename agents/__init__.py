"""The visual-search agent and its tools; knows nothing of Ray, datasets or training."""
