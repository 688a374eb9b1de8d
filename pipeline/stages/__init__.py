"""The pipeline is this list. A new stage is one file here and one line below."""

from pipeline.stage import Stage
from pipeline.stages.propose import Propose
from pipeline.stages.sample import Sample
from pipeline.stages.screen import Screen
from pipeline.stages.search import Search
from pipeline.stages.summarize import Summarize

STAGES: tuple[type[Stage], ...] = (Sample, Propose, Screen, Search, Summarize)
