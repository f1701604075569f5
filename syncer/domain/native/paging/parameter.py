"""Base of the paging styles that send the position as a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from syncer.domain.native.call import Call
from syncer.domain.native.cursor import Position
from syncer.domain.native.marks import check_param, mark
from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.keys import key


@dataclass(frozen=True, slots=True)
class ParameterStyle(PagingStyle):
    """Paging style that sends the position as a parameter.

    param: by ``within`` a query parameter, or a dotted path into the data of the call, or the mark
    ``{param}`` in data that is a string.
    """

    param: str = field(metadata=key(check=check_param))
    within: Literal["params", "data"] = field(default="params", metadata=key(name="in"))

    def fault(self, call: Call, row_param: str | None) -> str | None:
        if self.param == row_param:
            return f"has the param of for_each, {row_param}: choose another name for one of them"
        return self._fault_in_data(call) if self.within == "data" else None

    def _fault_in_data(self, call: Call) -> str | None:
        data = call.data
        if call.method == "GET":
            return 'in = "data" needs a request that has data, by POST'
        if isinstance(data, str):
            there = mark(self.param)
            return None if there in data else f"has no place in the data of the request: write {there} there"
        for step in self.param.split("."):
            if not isinstance(data, dict | None):
                return (
                    f"cannot be put at {self.param} in the data of the request: that is no table all the way"
                )
            data = (data or {}).get(step)
        return None

    def marks(self, call: Call, position: Position | None) -> Mapping[str, str]:
        if not self._is_in_text(call):
            return {}
        return {mark(self.param): "" if position is None else str(position)}

    def apply(self, call: Call, position: Position | None) -> Call:
        if position is None or self._is_in_text(call):
            return call
        if self.within == "data":
            return replace(call, data=_put(call.data, self.param.split("."), position))
        return replace(call, params={**call.params, self.param: str(position)})

    def _is_in_text(self, call: Call) -> bool:
        return self.within == "data" and isinstance(call.data, str)


def _put(data: Any, steps: list[str], position: Position) -> Any:
    """Put the position at the end of the path; objects that are missing on the way are made."""
    inside = data if isinstance(data, Mapping) else {}
    name, *rest = steps
    return {**inside, name: _put(inside.get(name), rest, position) if rest else position}
