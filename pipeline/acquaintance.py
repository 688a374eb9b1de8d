"""Getting to know the teacher at the start of a run: what it does by itself, found out once and kept in the folder."""

import asyncio
from collections.abc import Callable

from agents.probe import abilities_of
from agents.spoken import Abilities
from pipeline.config import RunConfig
from pipeline.store import Store

FILE = "abilities.json"


def acquainted(config: RunConfig, store: Store, say: Callable[[str], None]) -> RunConfig:
    """The configuration with the abilities of every model in it: told by the YAML, kept by the folder, or asked now.

    Raises EndpointError where the endpoint is not there or does not know a model.
    """
    teacher = config.teacher
    kept = {model: Abilities(**able) for model, able in (store.read_json(FILE) or {}).items()}
    known = {**kept, **teacher.abilities}
    for model in teacher.all_models:
        if model not in known:
            known[model] = asyncio.run(abilities_of(teacher, model))
            store.write_json(FILE, {name: able.model_dump() for name, able in known.items()})
        say(f"teacher {model} at {teacher.base_url}: {_told(known[model])}")
    return config.model_copy(update={"teacher": teacher.model_copy(update={"abilities": known})})


def _told(able: Abilities) -> str:
    forms = "holds to JSON schemas" if able.forms else "is asked for JSON in words"
    return f"{forms}, {'calls tools' if able.tools else 'is told of tools in words'}"
