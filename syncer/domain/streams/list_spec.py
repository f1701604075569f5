"""What a stream can list: a model of Kombo's, or a native list that the configuration names."""

from __future__ import annotations

from syncer.domain.catalogue.model import Model
from syncer.domain.native.spec import NativeListSpec

Listed = Model | NativeListSpec
