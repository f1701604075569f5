"""Lists of tools' own APIs in the configuration: what they become, and what a wrong one is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from syncer.config.loading import load_settings
from syncer.config.settings import Settings
from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call
from syncer.domain.native.paging.counted import OffsetStyle, PageNumberStyle
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.paging.single import SINGLE_PAGE
from syncer.domain.native.spec import ForEach, NativeListSpec

#: The least that a native list is.
LEAST = {
    "name": '"hibob_list"',
    "tool": '"hibob/v1"',
    "request": '{ path = "/list" }',
    "records": '"results"',
    "key": '["id"]',
}
POST = '{ method = "POST", path = "/list", data = %s }'
FREE = '{ table = "hris_employees_live", param = "who", column = "remote_id" }'

#: Loads the settings of a TOML text, with settings from the environment beside it.
Configured: TypeAlias = Callable[..., Settings]


def block(**keys: str | None) -> str:
    """A native list in TOML; keys replace or join the least, None takes one away."""
    lines = [f"{key} = {value}" for key, value in {**LEAST, **keys}.items() if value is not None]
    return "\n".join(("[[passthrough]]", *lines, ""))


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configured:
    """Load the settings of a TOML text."""
    monkeypatch.chdir(tmp_path)

    def loaded(toml: str, **environ: str) -> Settings:
        (tmp_path / "config.toml").write_text(toml, encoding="utf-8")
        return load_settings(environ=environ, secrets=tmp_path)

    return loaded


def only(settings: Settings) -> NativeListSpec:
    (found,) = settings.native_lists
    return found


def test_the_least_that_is_written_becomes_a_native_list_with_defaults(configured: Configured) -> None:
    found = only(configured(block()))
    assert found.call == Call("hibob/v1", "GET", "/list", is_listing=True)
    assert (found.name, found.records, found.key) == ("hibob_list", "results", ("id",))
    assert (found.integrations, found.every) == (("hibob:*",), timedelta(hours=6))
    assert (found.page, found.for_each, found.columns, found.format) == (SINGLE_PAGE, None, (), "json")


def test_everything_that_is_written_is_in_the_native_list(configured: Configured) -> None:
    found = only(
        configured(
            """
            [[passthrough]]
            name = "workers"
            tool = "workday/soap"
            integrations = ["workday:a*", "workday:b"]
            every = "0 6 * * 7"
            api_options = { service_name = "Human_Resources", version = 43.1 }
            format = "xml"
            base64 = true
            records = "Envelope.Body.Get_Workers_Response.Response_Data.Worker"
            key = ["for_each.who", 'Worker_Reference.ID[?"@type"==`"WID"`] | [0]."#text"']
            for_each = { table = "hris_groups", param = "who", column = "name", skip = [404, 204] }
            page = { style = "page", param = "page", in = "data", first = 1, total = "a.Total_Pages" }
            columns = { began = "date", title = { type = "text", path = "Data.Title" } }
            [passthrough.request]
            method = "POST"
            path = "/"
            params = { a = true, b = 1, c = 1.5, d = "x" }
            headers = { "X-A" = "{who}" }
            data = '''
            <Get><Page>{page}</Page></Get>'''
            """
        )
    )
    assert found.call == Call(
        "workday/soap",
        "POST",
        "/",
        params={"a": "true", "b": "1", "c": "1.5", "d": "x"},
        headers={"X-A": "{who}"},
        data="            <Get><Page>{page}</Page></Get>",
        options={"service_name": "Human_Resources", "version": "43.1"},
        wants_base64=True,
        is_listing=True,
    )
    assert (found.integrations, found.every) == (("workday:a*", "workday:b"), "0 6 * * sun")
    assert found.page == PageNumberStyle("page", "data", first=1, total="a.Total_Pages")
    assert found.for_each == ForEach("hris_groups", "who", "name", frozenset({404, 204}))
    assert [(each.name, each.type, each.path) for each in found.columns] == [
        ("began", "date", ("began",)),
        ("title", "text", ("Data.Title",)),
    ]
    assert found.format == "xml"


def test_native_lists_come_in_order_and_stay_the_same_ones(configured: Configured) -> None:
    settings = configured(block(name='"b"') + block(name='"a"'))
    assert [each.name for each in settings.native_lists] == ["b", "a"]
    assert settings.native_lists is settings.native_lists
    assert Settings().native_lists == ()


def test_native_lists_can_come_from_the_environment(configured: Configured) -> None:
    text = (
        '[{"name": "a", "tool": "hibob/v1", "request": {"path": "/a"}, "records": "@", "key": ["id"],'
        ' "page": {"style": "cursor", "param": "c", "in": "params", "next": "next"}}]'
    )
    assert only(configured("", SYNCER_PASSTHROUGH=text)).page == CursorStyle("c", next="next")


def test_what_a_request_holds_is_not_shown(configured: Configured) -> None:
    secrets = 'params = { a = "s3cret" }, headers = { b = "s3cret" }, data = "s3cret"'
    request = f'{{ method = "POST", path = "/", {secrets} }}'
    settings = configured(block(request=request))
    assert "s3cret" not in f"{settings!r} {settings} {settings.native_lists}"


def test_what_a_request_carries_for_the_tool_alone_counts_as_secret(configured: Configured) -> None:
    request = (
        '{ path = "/", params = { access_token = "t0ken-of-the-tool", pageKey = "1", since = "2026-01-01",'
        ' keyword = "list of names", tokens = "          " },'
        ' headers = { Authorization = "Bearer b3arer-of-it", Accept = "application/json" } }'
    )
    secrets = set(configured(block(request=request)).secrets())
    assert {"t0ken-of-the-tool", "Bearer b3arer-of-it", "b3arer-of-it"} <= secrets
    assert secrets.isdisjoint({"1", "names", "2026-01-01", "application/json"})


@pytest.mark.parametrize(
    "page",
    [
        '{ style = "none" }',
        '{ style = "cursor", param = "c", next = "a.b" }',
        '{ style = "offset", param = "o" }',
        '{ style = "offset", param = "o", first = 1, size = 50, total = "meta.total" }',
        '{ style = "page", param = "page[number]", in = "params" }',
        '{ style = "link" }',
        '{ style = "link", next = "links.next" }',
    ],
)
def test_every_style_is_accepted_with_what_it_takes(configured: Configured, page: str) -> None:
    assert only(configured(block(page=page))).page.style in page


@pytest.mark.parametrize("data", ["{}", "{ a = {} }", "{ a = { b = 5 } }", "{ z = 1 }"])
def test_a_position_in_the_data_is_a_path_to_a_place_that_can_be(configured: Configured, data: str) -> None:
    page = '{ style = "offset", param = "a.b", in = "data" }'
    assert only(configured(block(page=page, request=POST % data))).page == OffsetStyle("a.b", "data")


# --- faults


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"name": None}, ".name is missing."),
        ({"tool": None}, ".tool is missing."),
        ({"request": None}, ".request is missing."),
        ({"records": None}, ".records is missing."),
        ({"key": None}, ".key is missing."),
        (
            {"name": '"Hibob"'},
            ".name should be at most 48 small letters, digits and underscores, a letter first.",
        ),
        (
            {"name": '"1st"'},
            ".name should be at most 48 small letters, digits and underscores, a letter first.",
        ),
        ({"name": f'"{"x" * 49}"'}, ".name should be at most 48 small letters,"),
        *(
            (
                {"name": f'"{taken}"'},
                f".name should be another one: {taken} is a table or view of the mirror, or may become one.",
            )
            for taken in (
                "hris_employees",
                "hris_employees_live",
                "hris_employees_safe",
                "hris_employees_groups",
                "hris_payslip_line_items",
                "sync_streams",
                "sync_mine",
                "mirror_freshness",
                "passthrough_records",
                "sqlite_mine",
            )
        ),
        ({"tool": '"hibbob/v1"'}, ".tool: There is no known API 'hibbob/v1'. Did you mean hibob/v1 or"),
        ({"tool": '"hibob"'}, ".tool: There is no known API 'hibob'. Did you mean hibob/"),
        ({"tool": '"nothing/like"'}, ".tool: There is no known API 'nothing/like'."),
        ({"integrations": '"hibob:*"'}, '.integrations should be a list such as ["hibob:*"].'),
        ({"integrations": "[]"}, ".integrations should have at least 1 item"),
        ({"integrations": '["a b"]'}, ".integrations[0] should "),
        ({"every": '"6 hours"'}, ".every should be a cron expression of five fields, not 2."),
        ({"every": '"6x"'}, ".every should be a duration such as"),
        ({"every": '"0 0 31 2 *"'}, ".every is a cron expression that never comes to pass."),
        (
            {"tool": '"workday/rest"'},
            ".api_options should have service_name: workday/rest takes no call without.",
        ),
        ({"api_options": "{ a = [1] }"}, ".api_options.a should be a text, a number or a boolean."),
        ({"format": '"yaml"'}, ".format should be 'json', 'xml' or 'csv'."),
        ({"base64": '"maybe"'}, ".base64 should be a valid boolean"),
        ({"request": '{ path = "list" }'}, ".request.path: The path begins with a slash"),
        ({"request": '{ path = "/a b" }'}, ".request.path: The path holds a blank"),
        ({"request": '{ method = "GET" }'}, ".request.path is missing."),
        ({"request": '{ path = "/", method = "DELETE" }'}, ".request.method should be 'GET' or 'POST'."),
        ({"request": '{ path = "/", data = { a = 1 } }'}, ".request.data cannot be sent with GET."),
        ({"request": POST % "5"}, ".request.data should be a table, a list or a text."),
        (
            {"request": POST % "{ a = 2024-01-01 }"},
            ".request.data holds what JSON does not have, such as a date",
        ),
        ({"request": POST % "[nan]"}, ".request.data holds what JSON does not have"),
        (
            {"request": '{ path = "/", params = { a = [1] } }'},
            ".request.params.a should be a text, a number or",
        ),
        (
            {"request": '{ path = "/", headers = { "a b" = "x" } }'},
            ".request.headers: 'a b' cannot be the name",
        ),
        (
            {"tool": '"carerixgraphql/graphql"'},
            '.request should have method = "POST": carerixgraphql/graphql takes no other.',
        ),
        (
            {"tool": '"rexx/default"', "request": POST % "{}"},
            '.request should have method = "GET": rexx/default takes no other.',
        ),
        (
            {"tool": '"nmbrs/soap"', "api_options": '{ service_name = "x" }', "request": POST % '"{}"'},
            ".request should have XML as its data: nmbrs/soap takes nothing else.",
        ),
        (
            {"tool": '"nmbrs/soap"', "api_options": '{ service_name = "x" }', "request": POST % "{ a = 1 }"},
            ".request should have XML as its data: nmbrs/soap takes nothing else.",
        ),
        ({"records": '""'}, ".records is not JMESPath: it ends too early."),
        ({"records": '"a..b"'}, ".records is not JMESPath: character 3 cannot stand there."),
        ({"records": '"first(a)"'}, ".records is not JMESPath: there is no function first."),
        ({"key": '"id"'}, '.key should be a list such as ["id"].'),
        ({"key": "[]"}, ".key should have at least 1 item"),
        ({"key": '["id", "a b"]'}, ".key[1] is not JMESPath: character 3 cannot stand there."),
        ({"key": '["for_each.who"]'}, ".key has the part for_each.who, and there is no for_each."),
        (
            {"key": '["for_each.id"]', "for_each": FREE},
            ".key has the part for_each.id, and the param of for_each is who.",
        ),
        (
            {"for_each": '{ table = "hris_employes", param = "id" }'},
            ".for_each.table is no table of the mirror whose rows can be asked for: 'hris_employes'."
            " Did you mean hris_employees or",
        ),
        (
            {"for_each": '{ table = "hris_employees_groups", param = "employee_id" }'},
            ".for_each.table is no table of the mirror whose rows can be asked for: 'hris_employees_groups'.",
        ),
        (
            {"for_each": '{ table = "hris_employees", param = "workemail" }'},
            ".for_each.column should be a column of hris_employees with texts or integers:"
            " 'workemail' is none. Did you mean work_email",
        ),
        (
            {"for_each": '{ table = "hris_employees", param = "who", column = "start_date" }'},
            ".for_each.column should be a column of hris_employees with texts or integers:"
            " 'start_date' is none.",
        ),
        ({"for_each": '{ table = "hris_employees", param = "{id}" }'}, ".for_each.param should be one word"),
        ({"for_each": '{ table = "hris_employees" }'}, ".for_each.param is missing."),
        (
            {"for_each": '{ table = "hris_employees", param = "id", skip = [404, 429] }'},
            ".for_each.skip should be statuses that mean nothing is there, such as 404: 429 is not.",
        ),
        (
            {"for_each": '{ table = "hris_employees", param = "id", skip = [500] }'},
            ".for_each.skip[0] should be",
        ),
        (
            {"page": '{ style = "curser" }'},
            ".page.style should be 'none', 'cursor', 'offset', 'page' or 'link'.",
        ),
        ({"page": '{ param = "c" }'}, ".page of style none takes no param."),
        ({"page": '{ style = "cursor" }'}, ".page of style cursor needs param and next."),
        ({"page": '{ style = "cursor", param = "c" }'}, ".page of style cursor needs next."),
        (
            {"page": '{ style = "cursor", param = "c", next = "n", first = 0, size = 5 }'},
            ".page of style cursor takes no first and no size.",
        ),
        (
            {"page": '{ style = "cursor", param = "c", next = "]" }'},
            ".page.next is not JMESPath: character 1",
        ),
        ({"page": '{ style = "offset" }'}, ".page of style offset needs param."),
        ({"page": '{ style = "page", param = "p", next = "n" }'}, ".page of style page takes no next."),
        (
            {"page": '{ style = "page", param = "p", total = "a[" }'},
            ".page.total is not JMESPath: it ends too",
        ),
        (
            {"page": '{ style = "page", param = "p", first = -1 }'},
            ".page.first should be greater than or equal to 0.",
        ),
        (
            {"page": '{ style = "page", param = "p", size = 0 }'},
            ".page.size should be greater than or equal to 1.",
        ),
        ({"page": '{ style = "link", param = "p" }'}, ".page of style link takes no param."),
        ({"page": '{ style = "link", in = "data" }'}, ".page of style link takes no in."),
        ({"page": '{ style = "page", param = "p", in = "body" }'}, ".page.in should be 'params' or 'data'."),
        (
            {"page": '{ style = "page", param = "who" }', "for_each": FREE},
            ".page has the param of for_each, who: choose another name for one of them.",
        ),
        (
            {"page": '{ style = "page", param = "p", in = "data" }'},
            '.page in = "data" needs a request that has data, by POST.',
        ),
        (
            {"page": '{ style = "page", param = "p", in = "data" }', "request": POST % '"<a/>"'},
            ".page has no place in the data of the request: write {p} there.",
        ),
        (
            {"page": '{ style = "page", param = "a.b", in = "data" }', "request": POST % "{ a = 5 }"},
            ".page cannot be put at a.b in the data of the request: that is no table all the way.",
        ),
        ({"columns": '{ a = "varchar" }'}, ".columns.a.type should be 'text', 'boolean', 'integer',"),
        ({"columns": '{ a = { path = "b" } }'}, ".columns.a.type is missing."),
        (
            {"columns": '{ a = { type = "text", path = "b c" } }'},
            ".columns.a.path is not JMESPath: character 3",
        ),
        ({"columns": '{ employeeId = "text" }'}, ".columns.employeeId should be at most 48 small letters,"),
        *(
            ({"columns": f'{{ {own} = "text" }}'}, f".columns.{own} is a column that the view has anyway.")
            for own in ("id", "document", "record_key", "parent", "resource", "last_seen_at")
        ),
    ],
)
def test_a_fault_names_its_key_and_says_what_is_expected(
    configured: Configured, keys: dict[str, str | None], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        configured(block(name='"fine"') + block(**keys))
    message = str(refused.value)
    assert message.startswith(f"config.toml: passthrough[1]{said}")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("tol = 1", " tol. Did you mean passthrough[0].tool?"),
        (
            "request = { path = '/', parms = {} }",
            " request.parms. Did you mean passthrough[0].request.params?",
        ),
        (
            "columns = { a = { type = 'text', pth = 'b' } }",
            " columns.a.pth. Did you mean passthrough[0].columns.a.path?",
        ),
        ("within = 'data'", " within."),
    ],
)
def test_a_key_that_is_none_is_told_with_the_nearest(configured: Configured, line: str, near: str) -> None:
    key = line.partition(" ")[0]
    with pytest.raises(UsageError) as refused:
        configured(block(**{key: None}) + f"{line}\n")
    assert f"config.toml: there is no setting passthrough[0].{near.lstrip()}" in str(refused.value)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "a"), "passthrough has the name a twice."),
        (("a", "a_live"), "passthrough has the name a_live, which belongs to a: choose another one."),
        (("a_safe", "a"), "passthrough has the name a_safe, which belongs to a: choose another one."),
    ],
)
def test_two_native_lists_take_no_name_of_each_other(
    configured: Configured, names: tuple[str, str], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        configured("".join(block(name=f'"{name}"') for name in names))
    assert str(refused.value) == f"config.toml: {said}"


# --- exclusions of their members ------------------------------------------------------------------------

EACH = '{ table = "hris_employees", param = "email", column = "work_email" }'
BY_EMAIL: dict[str, str | None] = {"for_each": EACH, "key": '["for_each.email", "id"]'}


def excluding(exclude: str, **keys: str | None) -> str:
    """A native list called mine, and an exclusion, in TOML."""
    listed = block(**{"name": '"mine"', **keys})
    return f'[privacy]\nexclude = ["{exclude}"]\n{listed}'


@pytest.mark.parametrize(
    ("keys", "exclude", "said"),
    [
        (
            {"key": '["email"]'},
            "mine.email",
            "privacy.exclude[0]: 'mine.email' keeps out what the native list mine makes its keys or positions"
            " of, 'email' of its records: take another key, or leave the member in.",
        ),
        ({"key": '["to_string(@)"]'}, "mine.email", "of, its whole records: take another key"),
        ({"key": '["contact.email.work"]'}, "m*.contact.email", "'contact.email.work' of its records"),
        (
            BY_EMAIL,
            "hris_*.work_email",
            "privacy.exclude[0]: 'hris_*.work_email' keeps out hris_employees.work_email, and the native list"
            " mine asks for each of its values: take another column for its for_each, or leave the member"
            " in.",
        ),
        (BY_EMAIL, "*.work_email", "keeps out hris_employees.work_email, and the native list mine asks"),
        ({}, "mime.email", "privacy.exclude[0]: There is no model 'mime'. Did you mean mine?"),
        ({}, "*.emial", "privacy.exclude[0]: There is no member 'emial' in any model of '*'."),
    ],
)
def test_what_keys_are_made_of_cannot_be_excluded(
    configured: Configured, keys: dict[str, str | None], exclude: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        configured(excluding(exclude, **keys))
    assert said in str(refused.value)


@pytest.mark.parametrize("exclude", ["mine.email", "m*.contact.email", "*.work_email", "mine.a.b"])
def test_any_other_member_of_a_native_list_can_be_excluded(configured: Configured, exclude: str) -> None:
    settings = configured(excluding(exclude))
    assert {str(each) for each in settings.exclusions} == {exclude.replace("m*", "mine")}


def test_a_native_list_with_a_fault_is_the_only_one_that_is_told(configured: Configured) -> None:
    with pytest.raises(UsageError) as refused:
        configured(excluding("mine.email", records=None))
    assert "privacy" not in str(refused.value)
