"""``passthrough``: what is sent, what is shown, how it ends; and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Dropped, Late, Match, native_answer, native_rewritten
from syncer.simulator.server.large_faults import compressed_bomb
from syncer.simulator.tools.personio import PICTURE
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.support.command_line import Ran, Shell
    from tests.support.source import Source

HIBOB = "hibob:W4fXivjdxCcXq3ZniR629vUi"
WORKDAY = "workday:uq2cA6PPbbTNpwHE1hGJGhjA"
NMBRS = "nmbrs:9Xc2NKrmNQE5pXNwjwYEzfXW"
HISTORY = ("passthrough", "hibob/v1", "GET", "/bulk/people/work", "--integration", HIBOB)


@pytest.fixture
def native(mirror: Shell, source: Source) -> Shell:
    """The command line, with companies whose tools can be called."""
    for id in (HIBOB, WORKDAY, NMBRS):
        source.environment.add(Company(id, source.environment.clock, records=200))
    return mirror


def calls(source: Source) -> list[str | None]:
    return [each.call for each in source.environment.requests]


def add_work(shell: Shell, *more: str, **settings: str) -> Ran:
    data = '{"effectiveDate": "2026-12-01", "title": "Head of Tea"}'
    path = ("passthrough", "hibob/v1", "POST", "/people/5/work", "--integration", HIBOB)
    return shell.run(*path, "--data", data, *more, **settings)


# What is sent and shown


def test_a_pipe_gets_the_body_as_it_came(native: Shell, source: Source) -> None:
    ran = native.run(*HISTORY, "--param", "limit=2", "--param", "employeeIds=5,6")
    assert (ran.code, ran.err) == (0, "")
    assert [each["employeeId"] for each in ran.json["results"]] == ["5", "6"]
    assert ran.out.count("\n") == 1
    assert calls(source) == ["GET /bulk/people/work"]


def test_a_terminal_gets_it_indented_and_readable(native: Shell) -> None:
    ran = native.on_terminal(*HISTORY, "--param", "limit=1")
    assert ran.code == 0
    assert '{\r\n  "response_metadata": {\r\n' in ran.out


def test_include_shows_status_and_headers_before_the_body(native: Shell) -> None:
    ran = native.run(*HISTORY, "--param", "limit=1", "--include")
    head, _, body = ran.out.partition("\n\n")
    assert head.splitlines() == ["HTTP 200 OK", "content-type: application/json;charset=utf-8"]
    assert json.loads(body)["results"]


def test_a_header_that_came_twice_is_shown_twice(native: Shell, source: Source) -> None:
    source.environment.faults.add(Match(call="GET *"), native_answer(200, [], {"set-cookie": ["a=1", "b=2"]}))
    ran = native.run(*HISTORY, "--include")
    assert "set-cookie: a=1\nset-cookie: b=2\n" in ran.out


def test_json_holds_status_headers_and_body(native: Shell) -> None:
    ran = native.run(*HISTORY, "--param", "limit=1", "--json")
    assert set(ran.json) == {"status", "headers", "data", "warnings"}
    assert (ran.json["status"], ran.json["data"]["response_metadata"]) == (200, {"next_cursor": "1"})


def test_an_empty_body_prints_nothing(native: Shell, source: Source) -> None:
    source.environment.faults.add(Match(call="GET *"), native_answer(204))
    ran = native.run(*HISTORY)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_plain_string_is_printed_without_quotes(native: Shell, source: Source) -> None:
    source.environment.faults.add(Match(call="GET *"), native_answer(200, 'id;name\n1;"Zoë"\n'))
    assert native.run(*HISTORY).out == 'id;name\n1;"Zoë"\n'


def test_control_characters_of_a_tool_do_not_reach_the_terminal(native: Shell, source: Source) -> None:
    source.environment.faults.add(Match(call="GET *"), native_answer(200, "a\x1b[2Jb\x9bc"))
    assert "a\\x1b[2Jb\\x9bc" in native.on_terminal(*HISTORY).out


def test_a_write_reaches_the_tool_and_then_the_mirror(native: Shell, source: Source) -> None:
    ran = add_work(native)
    assert (ran.code, list(ran.json)) == (0, ["id"])
    company = source.environment.companies[HIBOB]
    assert company.row("hris_employees", company.id_for("5"))["job_title"] == "Head of Tea"


def test_a_soap_call_takes_xml_from_a_file_and_prints_xml(native: Shell) -> None:
    (native.directory / "body.xml").write_text(
        '\ufeff<Get_Workers_Request xmlns="urn:com.workday/bsvc"><Count>2</Count></Get_Workers_Request>'
    )
    path = ("passthrough", "workday/soap", "POST", "/", "--integration", WORKDAY, "--data", "@body.xml")
    ran = native.run(*path, "--api-option", "service_name=Human_Resources")
    assert ran.code == 0
    workers = ElementTree.fromstring(ran.out.encode()).iter("{urn:com.workday/bsvc}Worker_ID")
    assert len(list(workers)) == 2


def test_the_body_may_come_from_standard_input(native: Shell, source: Source) -> None:
    path = ("passthrough", "nmbrs/soap", "POST", "/", "--integration", NMBRS, "--data", "-")
    text = '<List_GetAll xmlns="https://api.nmbrs.nl/soap/v3/CompanyService"/>'
    ran = native.run(*path, "--api-option", "service_name=CompanyService", text=text)
    assert ran.code == 0
    assert "<List_GetAllResult><Company>" in ran.out


def test_a_file_comes_whole(native: Shell, source: Source) -> None:
    path = "/company/employees/5/profile-picture/75"
    call = ("passthrough", "personio/personnel", "GET", path, "--integration", source.integration)
    ran = native.run(*call, "--base64", "--output", "picture.png")
    assert (ran.code, ran.out) == (0, "")
    assert (native.directory / "picture.png").read_bytes() == PICTURE
    told = native.run(*call, "--base64", "--output", "picture.png", "--json")
    assert (told.json["output"], told.json["bytes"]) == ("picture.png", len(PICTURE))
    assert native.run(*call, "--base64").out.startswith("iVBORw0KGgo")


def test_a_form_takes_texts_and_files(native: Shell, source: Source) -> None:
    (native.directory / "contract.pdf").write_bytes(b"%PDF-1.7")
    (native.directory / "odd").write_bytes(b"12345")
    path = ("passthrough", "personio/personnel", "POST", "/company/documents")
    texts = ("--form", "title=Contract = signed", "--form", "employee_id=5")
    call = (*path, "--integration", source.integration, *texts)
    ran = native.run(*call, "--form", "category_id=1", "--form", "file=@contract.pdf")
    assert ran.json["data"] == {"title": "Contract = signed", "size": 8}
    ran = native.run(*call, "--form", "category_id=1", "--form", "file=@odd;type=text/plain")
    assert ran.json["data"]["size"] == 5


def test_text_goes_out_as_it_is_where_a_header_says_so(native: Shell, source: Source) -> None:
    call = (
        "passthrough",
        "personio/recruiting",
        "POST",
        "/applications",
        "--integration",
        source.integration,
    )
    ran = native.run(*call, "--data", "a;b", "--header", "Content-Type: text/csv")
    assert (ran.code, ran.out) == (0, "a;b\n")


# How it ends


def test_a_failure_of_the_tool_is_exit_1_with_status_and_body(native: Shell, source: Source) -> None:
    call = ("passthrough", "hibob/v1", "GET", "/people/0/work", "--integration", HIBOB)
    ran = native.run(*call, "--output", "kept.json")
    assert ran.code == 1
    assert ran.err == "Error: hibob/v1 answered HTTP 404 Not Found.\n"
    assert ran.json["key"] == "employee.not.found"
    assert not (native.directory / "kept.json").exists()
    assert native.run(*call, "--base64").json["key"] == "employee.not.found"
    assert native.run(*call, "--json").json["status"] == 404
    assert len(source.environment.requests) == 3


def test_an_answer_that_is_too_large_is_one_sentence_and_hides_no_write(
    native: Shell, source: Source
) -> None:
    source.environment.faults.add(Match(call="*"), compressed_bomb(), times=None)
    ran = native.run(*HISTORY)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: Too large an answer from ")
    assert "it has more than 64 MiB, the most that is read. See docs/" in ran.err
    assert "may have been carried out all the same" in add_work(native).err
    assert len(source.environment.requests) == 2


def test_a_file_that_is_cut_off_is_not_written(native: Shell, source: Source) -> None:
    cut = native_rewritten(lambda data: data[:-3])
    source.environment.faults.add(Match(call="GET *"), cut, times=None)
    path = "/company/employees/5/profile-picture/75"
    call = ("passthrough", "personio/personnel", "GET", path, "--integration", source.integration)
    ran = native.run(*call, "--base64", "--output", "picture.png")
    assert ran.code == 1
    assert "its base64 is cut off after " in ran.err
    assert not (native.directory / "picture.png").exists()
    assert len(source.environment.requests) == 3


def test_a_failing_tool_is_not_asked_again(native: Shell, source: Source) -> None:
    source.environment.faults.add(Match(call="*"), native_answer(503, "busy"), times=None)
    assert (native.run(*HISTORY).code, add_work(native).code) == (1, 1)
    assert calls(source) == ["GET /bulk/people/work", "POST /people/5/work"]


@pytest.mark.parametrize("fault", [faults.server_error(), faults.bad_gateway(), Dropped(), faults.not_json()])
def test_a_write_of_doubtful_outcome_is_sent_once_and_says_so(
    native: Shell, source: Source, fault: faults.Answer
) -> None:
    source.environment.faults.add(Match(call="POST *"), fault, times=None)
    ran = add_work(native)
    assert (ran.code, ran.out) == (1, "")
    assert "The POST may have been carried out all the same" in ran.err
    assert calls(source) == ["POST /people/5/work"]


def test_a_write_that_takes_too_long_is_doubtful(native: Shell, source: Source) -> None:
    slow = source.environment.faults.add(Match(call="POST *"), Late(1.2), times=None)
    ran = add_work(native, SYNCER_KOMBO__TIMEOUT="1s")
    assert ran.code == 1
    assert "it was silent for too long. The POST may have been carried out all the same" in ran.err
    assert slow.fired == 1


def test_a_write_that_is_interrupted_is_doubtful(native: Shell, source: Source) -> None:
    begun = threading.Event()

    async def sleep(seconds: float) -> None:
        begun.set()
        await asyncio.sleep(seconds)

    source.environment.sleep = sleep
    source.environment.faults.add(Match(call="DELETE *"), Late(0.5))
    command = native.start("passthrough", "hibob/v1", "DELETE", "/people/5", "--integration", HIBOB)
    assert begun.wait(PATIENCE)
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=PATIENCE)
    assert (command.returncode, out) == (130, "")
    assert err == "Interrupted. The DELETE may have been carried out all the same.\n"


@pytest.mark.parametrize("fault", [faults.rate_limited(0), faults.concurrency_limited()])
def test_a_write_that_was_turned_away_is_sent_again(
    native: Shell, source: Source, fault: faults.Answer
) -> None:
    source.environment.faults.add(Match(call="POST *"), fault)
    assert add_work(native).code == 0
    assert calls(source) == ["POST /people/5/work"] * 2


def test_a_read_is_sent_again(native: Shell, source: Source) -> None:
    source.environment.faults.add(Match(call="GET *"), faults.bad_gateway())
    assert native.run(*HISTORY).code == 0
    assert calls(source) == ["GET /bulk/people/work"] * 2


def test_a_refused_key_is_exit_4_and_an_unknown_integration_1(native: Shell) -> None:
    assert native.run(*HISTORY, SYNCER_KOMBO__API_KEY="ks_dev_wrong").code == 4
    ran = native.run("passthrough", "hibob/v1", "GET", "/x", "--integration", "hibob:none")
    assert ran.code == 1
    assert "PLATFORM.INTEGRATION_NOT_FOUND" in ran.err


def test_an_unknown_pair_passes_if_forced_and_kombo_says_what_it_thinks(native: Shell) -> None:
    ran = native.run("passthrough", "hibob/v9", "GET", "/x", "--integration", HIBOB, "--force")
    assert ran.code == 1
    assert "There is no passthrough API hibob/v9" in ran.err


def test_taleo_is_called_without_an_option_after_a_warning(native: Shell, source: Source) -> None:
    id = "taleo:W4fXivjdxCcXq3ZniR629vUi"
    source.environment.add(Company(id, source.environment.clock, records=200))
    call = ("passthrough", "taleo/soap", "POST", "/", "--integration", id, "--data", "<find/>")
    for option in ("service_name=Find", "operation_name=find"):
        ran = native.run(*call, "--api-option", option)
        assert (ran.code, ran.out, ran.err) == (0, "<find/>\n", "")
    ran = native.run(*call)
    assert (ran.code, ran.out) == (0, "<find/>\n")
    assert ran.err.startswith("Warning: taleo/soap may need one of the options service_name or")


def test_no_secret_of_a_call_is_logged(native: Shell, source: Source) -> None:
    said = 'upstream https://user:pa55word@tool.example/x?token=t0psecret answered "h3aders3cret"'
    reply = faults.kombo_error(500, "PLATFORM.UNKNOWN_ERROR", said)
    options = ("--header", "X-Token=h3aders3cret", "--param", "token=t0psecret")
    source.environment.faults.add(Match(call="*"), reply)
    read = native.run(*HISTORY, *options, SYNCER_LOG__LEVEL="DEBUG")
    source.environment.faults.add(Match(call="*"), reply)
    write = add_work(native, *options, SYNCER_LOG__LEVEL="DEBUG")
    assert (read.code, write.code) == (0, 1)
    for ran in (read, write):
        assert "upstream" in ran.err
        for secret in ("pa55word", "t0psecret", "h3aders3cret", "Head of Tea"):
            assert secret not in ran.out + ran.err


# What is refused before anything is sent


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hibob/v2", "GET", "/x"), "There is no known API 'hibob/v2'. Did you mean hibob/v1 or"),
        (("hibob", "GET", "/x"), "'hibob' names no API: write TOOL/API, such as hibob/v1."),
        (("hibob/v1", "GET", "people"), "The path begins with a slash"),
        (
            ("workday/rest", "GET", "/x"),
            "workday/rest needs the option service_name: --api-option",
        ),
        (("workday/soap", "POST", "/", "--api-option", "service_name=S"), "takes XML as its body"),
        (("hibob/v1", "GET", "/x", "--param", "limit"), "--param takes NAME=VALUE"),
        (("hibob/v1", "GET", "/x", "--param", "=1"), "--param takes NAME=VALUE"),
        (("hibob/v1", "GET", "/x", "--api-option", "x"), "--api-option takes NAME=VALUE"),
        (("hibob/v1", "GET", "/x", "--header", "x"), "--header takes NAME=VALUE"),
        (
            ("hibob/v1", "GET", "/x", "--header", "a=1", "--header", "A: 2"),
            "names one header twice",
        ),
        (
            ("hibob/v1", "GET", "/x", "--param", "a=1", "--param", "a=2"),
            "--param names a twice: put both",
        ),
        (("hibob/v1", "POST", "/x", "--form", "a"), "--form takes NAME=VALUE"),
        (("hibob/v1", "POST", "/x", "--data", "{}", "--form", "a=b"), "either --data or --form, not both"),
        (("hibob/v1", "POST", "/x", "--data", "{'a': 1}"), "--data holds is not JSON (line 1, column 2)"),
        (("hibob/v1", "POST", "/x", "--data", '{"a": NaN}'), "--data holds is not JSON"),
        (("hibob/v1", "POST", "/x", "--data", "5"), "neither a JSON object nor an array"),
        (("hibob/v1", "POST", "/x", "--data", "null"), "neither a JSON object nor an array"),
        (
            ("hibob/v1", "POST", "/x", "--data", "@none.json"),
            "Cannot read none.json: No such file",
        ),
        (("hibob/v1", "POST", "/x", "--data", "@latin"), "latin is not a text in UTF-8"),
        (("hibob/v1", "POST", "/x", "--form", "cv=@none.pdf"), "Cannot read none.pdf: No such file"),
        (("hibob/v1", "POST", "/x", "--form", "cv=@latin"), "--form cannot tell what latin is"),
        (
            ("hibob/v1", "GET", "/x", "--output", "none/x.json"),
            "none/x.json: there is no such",
        ),
        (("hibob/v1", "GET", "/x", "--output", "."), "Cannot write to .: it is a directory."),
    ],
)
def test_a_wrong_call_is_one_sentence_and_neither_asks_nor_stores(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    (shell.directory / "latin").write_bytes(b"\xfcber")
    ran = shell.run("passthrough", *arguments, "--integration", HIBOB, SYNCER_KOMBO__API_KEY="ks_dev_x")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 1
    assert said in ran.err
    assert [each.name for each in shell.directory.iterdir()] == ["latin"]


def test_a_value_that_lost_its_name_is_not_repeated(shell: Shell) -> None:
    ran = shell.run(*HISTORY, "--header", "s3cretWithoutName")
    assert ran.code == 2
    assert "s3cretWithoutName" not in ran.err


def test_a_method_is_one_of_five_in_any_case(native: Shell, source: Source) -> None:
    assert native.run("passthrough", "hibob/v1", "TRACE", "/x", "--integration", HIBOB).code == 2
    assert native.run("passthrough", "hibob/v1", "get", "/people/5/work", "--integration", HIBOB).code == 0
    assert calls(source) == ["GET /people/5/work"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("syncer passthrough workday/", ["workday/custom-report", "workday/rest", "workday/soap"]),
        ("syncer passthrough hibob/v1 P", ["POST", "PUT", "PATCH"]),
        ("syncer passthrough hibob/v1 GET /x --integration hib", [HIBOB]),
    ],
)
def test_the_shell_completes_apis_methods_and_integrations(
    shell: Shell, line: str, expected: list[str]
) -> None:
    ran = shell.run(
        SYNCER_INTEGRATIONS=json.dumps([{"id": HIBOB}]),
        _SYNCER_COMPLETE="bash_complete",
        COMP_LINE=line,
    )
    assert ran.out.split() == [f"plain,{each}" for each in expected]
