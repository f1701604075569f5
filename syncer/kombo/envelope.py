"""The envelope of every answer of Kombo's API that is a success."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

DataT = TypeVar("DataT")


# docs.kombo.dev, "Querying the API"; warnings: Kombo's OpenAPI document, passthrough requests only.
class Envelope(msgspec.Struct, Generic[DataT]):
    """An answer with its data: status is ``success``. warnings are of any form, as only people read them."""

    status: str
    data: DataT
    warnings: Any = None
