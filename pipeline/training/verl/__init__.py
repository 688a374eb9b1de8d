"""The multi-node backend: what verl 0.9.1 is given so that it trains on the same rows, zoom, words and rewards.

verl lives in an environment of its own: it needs older transformers than TRL does.
"""

VERSION = "0.9.1"
"""Its tool and agent interfaces change about monthly; this is the one that was read."""
