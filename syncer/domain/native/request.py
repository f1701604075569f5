"""Build the call of one page of a native list. Pure."""

from __future__ import annotations

from dataclasses import replace

from syncer.domain.native.call import Call
from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.marks import fill_marks, has_mark, mark
from syncer.domain.native.row_values import check_filled_path, check_row_value
from syncer.domain.native.spec import NativeListSpec


def call_at(spec: NativeListSpec, cursor: NativeCursor) -> Call:
    """Build the call of the page at the cursor.

    Raises UnsendableValue where the value of the row could change what is called.
    """
    call, style, each, row = spec.call, spec.page, spec.for_each, cursor.row
    if each is not None and row is not None:
        check_row_value(row)
    position = style.first_position() if cursor.at is None else cursor.at
    values = {} if each is None or row is None else {mark(each.param): row}
    filled = fill_marks(call, values, {**values, **style.marks(call, position)})
    if filled.path != call.path:
        check_filled_path(filled.path)
    if each is not None and row is not None and not has_mark(call, each.param):
        filled = replace(filled, params={**filled.params, each.param: row})
    return style.apply(filled, position)
