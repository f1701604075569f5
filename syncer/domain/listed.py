"""What a stream can list: a model of Kombo's, or a native list that the configuration names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from syncer.domain.catalogue import catalogue, select_models
from syncer.domain.model import Model
from syncer.domain.resource import Resource

Listed = Model | Resource


def select_names(patterns: Sequence[str], resources: Collection[str]) -> set[str]:
    """The names of models and of these resources that any of the globs fits; all where there is no glob.

    Raises UsageError for a glob that fits none.
    """
    named: set[str] = set()
    for pattern in patterns or ("*",):
        found = {name for name in (*catalogue(), *resources) if fnmatchcase(name, pattern)}
        # Where nothing fits it is the models that tell what was perhaps meant.
        named |= found or {model.name for model in select_models((pattern,))}
    return named
