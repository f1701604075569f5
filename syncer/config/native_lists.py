"""Native lists that the configuration asks to mirror: ``[[passthrough]]``."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from syncer.config.native_list_paging import PageTable
from syncer.config.native_list_parts import (
    ColumnName,
    ColumnTable,
    Expression,
    ForEachTable,
    Identifier,
    RequestTable,
    Sent,
    expression,
)
from syncer.config.schedules import Every
from syncer.config.section import Section
from syncer.config.values import list_of_texts
from syncer.config.written import Written
from syncer.domain.catalogue import model
from syncer.domain.catalogue.tables import is_taken, views_of
from syncer.domain.native.call import Call, is_xml
from syncer.domain.native.spec import ForEach, Format, NativeListSpec
from syncer.domain.native.tools import apis, unknown_api

#: What a part of a key begins with that is the row's value.
_OF_ROW = "for_each."


def _free(name: str) -> str:
    if is_taken(name):
        raise ValueError(f"should be another one: {name} is a table or view of the mirror, or may become one")
    return name


def _known(tool: str) -> str:
    if tool not in apis():
        raise ValueError(unknown_api(tool))
    return tool


def _key_part(value: str) -> str:
    return value if value.startswith(_OF_ROW) else expression(value)


class Passthrough(Section):
    """Native list to mirror."""

    name: Annotated[Identifier, AfterValidator(_free)] = Field(description="The name of the view.")
    tool: Annotated[str, AfterValidator(_known)] = Field(
        description="The tool and its API, as `syncer passthrough` names them."
    )
    integrations: (
        Annotated[
            tuple[Annotated[str, Field(pattern=r"^\S+$")], ...],
            BeforeValidator(partial(list_of_texts, example="hibob:*")),
            Field(min_length=1),
            Written("list of globs"),
        ]
        | None
    ) = Field(
        default=None,
        description="Integrations to ask, as globs over their ids; all of the tool where the line is"
        " missing.",
    )
    every: Every = Field(
        default=timedelta(hours=6), description="Time between two full walks, or a cron expression."
    )
    api_options: dict[str, Sent] = Field(
        default={},
        validate_default=True,
        description="What Kombo has to know beyond that, for the APIs that need it.",
    )
    request: RequestTable
    format: Format = Field(
        default="json",
        description="How an answer that is text is read: json, xml (elements without prefixes, attributes as"
        ' "@name"), or csv (its lines are the list "rows").',
    )
    base64: bool = Field(
        default=False,
        description="Have the answer sent as base64, which keeps its encoding, and read it then.",
    )
    records: Expression = Field(
        description='Where the list is in the answer, as JMESPath; "@" where the answer is the list.'
    )
    for_each: ForEachTable | None = None
    key: Annotated[
        tuple[Annotated[str, AfterValidator(_key_part)], ...],
        BeforeValidator(partial(list_of_texts, example="id")),
        Field(min_length=1),
    ] = Field(
        description="What tells a record from the others of its integration, as JMESPath from the record."
    )
    page: PageTable = PageTable()
    columns: dict[ColumnName, ColumnTable] = Field(default={})

    @field_validator("api_options")
    @classmethod
    def _has_what_the_api_needs(cls, options: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        api = apis().get(info.data.get("tool", ""))
        if api is not None and (missing := [each for each in api.required if not options.get(each)]):
            raise ValueError(f"should have {' and '.join(missing)}: {api.name} takes no call without")
        return options

    @field_validator("request")
    @classmethod
    def _is_one_for_the_api(cls, request: RequestTable, info: ValidationInfo) -> RequestTable:
        api = apis().get(info.data.get("tool", ""))
        if api is not None and api.method is not None and request.method != api.method:
            raise ValueError(f'should have method = "{api.method}": {api.name} takes no other')
        is_bare = request.method == "GET" and request.data is None
        if api is not None and api.body == "xml" and not is_bare and not is_xml(request.data):
            raise ValueError(f"should have XML as its data: {api.name} takes nothing else")
        return request

    @field_validator("key")
    @classmethod
    def _can_be_found(cls, key: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        each = info.data.get("for_each")
        for part in key:
            if part.startswith(_OF_ROW) and "for_each" in info.data:
                if each is None:
                    raise ValueError(f"has the part {part}, and there is no for_each")
                if part != _OF_ROW + each.param:
                    raise ValueError(f"has the part {part}, and the param of for_each is {each.param}")
        return key

    @field_validator("page")
    @classmethod
    def _fits_the_request(cls, page: PageTable, info: ValidationInfo) -> PageTable:
        each, request = info.data.get("for_each"), info.data.get("request")
        if request is not None:
            call = Call("tool/api", request.method, request.path, data=request.data)
            if fault := page.paging().fault(call, each and each.param):
                raise ValueError(fault)
        return page

    def spec(self) -> NativeListSpec:
        """Return the definition of the native list."""
        request, each = self.request, self.for_each
        return NativeListSpec(
            name=self.name,
            call=Call(
                self.tool,
                request.method,
                request.path,
                params=request.params,
                headers=request.headers,
                data=request.data,
                options=self.api_options,
                wants_base64=self.base64,
                is_listing=True,
            ),
            integrations=self.integrations or (f"{self.tool.partition('/')[0]}:*",),
            every=self.every,
            records=self.records,
            key=self.key,
            page=self.page.paging(),
            for_each=None
            if each is None
            else ForEach(each.table, each.param, each.column or each.param, frozenset(each.skip)),
            columns=tuple(
                model.Column(name, each.type, f"{each.path or name} of the record", path=(each.path or name,))
                for name, each in self.columns.items()
            ),
            format=self.format,
        )


def each_once(native_lists: tuple[Passthrough, ...]) -> tuple[Passthrough, ...]:
    """Check that no two native lists take the same name for their views. Raises ValueError."""
    names = [each.name for each in native_lists]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"has the name {name} twice")
        for other in names:
            if name != other and name in views_of(other):
                raise ValueError(f"has the name {name}, which belongs to {other}: choose another one")
    return native_lists
