"""One integration and the check of the key."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncer.domain.errors import IntegrationGone, KeyRefused, RequestRefused, Transient
from syncer.kombo.integrations import (
    Integration,
    ReadModel,
    integration_path,
    read_integration,
    read_key_check,
)

SAMPLES = Path(__file__).parent / "samples"
ID = "personio:8d1hpPsbjxUkoCoa1veLZGe5"


def sample(case: str) -> tuple[int, dict[str, str], bytes]:
    head = json.loads((SAMPLES / case / "headers.json").read_text())
    return head["status"], head["headers"], (SAMPLES / case / "body").read_bytes()


def read(case: str) -> Integration:
    return read_integration(*sample(case), integration_id=ID)


def success(data: object) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def test_an_integration_tells_its_state_and_which_models_it_offers() -> None:
    integration = read("integration")
    assert integration.id == ID
    assert (integration.tool_id, integration.tool_label) == ("personio", "Personio")
    assert (integration.category, integration.status, integration.setup_status) == (
        "HRIS",
        "ACTIVE",
        "COMPLETED",
    )
    assert integration.organization_name == "Acme GmbH"
    assert integration.origin_id == "36123"
    assert integration.data_expired_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert integration.read_models == {
        "hris_employees": ReadModel(True, "SUPPORTED", "ENABLED", False),
        "hris_absences": ReadModel(False, "SUPPORTED", "OPTIONAL", True),
        "hris_payslips": ReadModel(False, "NOT_IMPLEMENTED", "DISABLED", False),
    }
    assert json.loads(integration.raw) == json.loads(sample("integration")[2])["data"]


def test_missing_members_are_not_told_and_an_untold_model_counts_as_offered() -> None:
    integration = read("integration_bare")
    assert integration.status is None
    assert integration.tool_id is None
    assert integration.data_expired_at is None
    assert integration.read_models == {"hris_employees": ReadModel(True)}


def test_an_integration_without_an_id_is_the_one_that_was_asked_for() -> None:
    assert read_integration(200, {}, success({}), integration_id=ID).id == ID


@pytest.mark.parametrize(
    "body",
    [
        success(None),
        success([]),
        success({"status": 1}),
        success({"tool": "personio"}),
        success({"read_models": {}}),
        success({"read_models": [1]}),
        success({"data_expired_at": "soon"}),
        b'{"status":"success"}',
        b'{"status":"pending","data":{}}',
        b"<html></html>",
        b"",
        b'{"status":"success","data":%b}' % (b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_an_integration_of_another_shape_is_transient(body: bytes) -> None:
    with pytest.raises(Transient, match=f"integration {ID}"):
        read_integration(200, {}, body, integration_id=ID)


@pytest.mark.parametrize("case", ["integration_not_found", "null_code_404"])
def test_an_integration_that_kombo_does_not_know_is_gone(case: str) -> None:
    with pytest.raises(IntegrationGone):
        read(case)


def test_a_404_that_is_not_kombos_does_not_make_an_integration_gone() -> None:
    with pytest.raises(RequestRefused, match="base_url"):
        read("html_404")


@pytest.mark.parametrize(
    ("integration_id", "path"),
    [
        (ID, f"/integrations/{ID}"),
        ("hr:a/b c?d#e%2F", "/integrations/hr:a%2Fb%20c%3Fd%23e%252F"),
    ],
)
def test_the_id_stays_one_segment_of_the_path(integration_id: str, path: str) -> None:
    assert integration_path(integration_id) == path


def test_the_key_check_names_the_environment() -> None:
    assert read_key_check(*sample("key_check")) == "DNzeQTEzqGJ1Hvn9nDDHdpVQ"
    assert read_key_check(200, {}, success({"customer_id": "older"})) == "older"


@pytest.mark.parametrize("data", [{}, {"environment_id": ""}, {"environment_id": 1}, None])
def test_a_key_check_without_an_environment_is_transient(data: object) -> None:
    with pytest.raises(Transient):
        read_key_check(200, {}, success(data))


@pytest.mark.parametrize("case", ["key_refused", "null_code_401"])
def test_a_key_that_is_not_accepted_is_refused(case: str) -> None:
    with pytest.raises(KeyRefused, match="check the API key"):
        read_key_check(*sample(case))
