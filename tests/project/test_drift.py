"""What Kombo's official SDK has, and the catalogue lacks."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import catalogue
from tests.support.drift import ON_PURPOSE, Sdk, find_drift, read_sdk


@pytest.fixture(scope="module")
def sdk() -> Sdk:
    return read_sdk()


def test_the_catalogue_has_all_that_the_pinned_sdk_has(sdk: Sdk) -> None:
    assert find_drift(sdk, catalogue()) == []


def test_every_exception_has_a_reason() -> None:
    assert all(ON_PURPOSE.values())


def test_what_is_taken_out_of_the_catalogue_is_found(sdk: Sdk) -> None:
    payslips = catalogue()["hris_payslips"]
    without_list = {name: model for name, model in catalogue().items() if model is not payslips}
    assert {"list /hris/payslips", "changed model hris_payslips"} <= set(find_drift(sdk, without_list))
    bare = replace(payslips, filters=(), features=replace(payslips.features, ids=False))
    assert "parameter ids of /hris/payslips" in find_drift(sdk, {**catalogue(), "hris_payslips": bare})


def test_what_the_sdk_adds_is_found(sdk: Sdk) -> None:
    newer = dataclasses.replace(
        sdk,
        error_codes=sdk.error_codes | {"PLATFORM.MOON"},
        webhook_types=sdk.webhook_types | {"moon-risen"},
        changed_models=sdk.changed_models | {"hris_moons"},
        lists=(*sdk.lists, dataclasses.replace(sdk.lists[0], path="/hris/moons")),
    )
    assert find_drift(newer, catalogue()) == [
        "list /hris/moons",
        "error code PLATFORM.MOON",
        "webhook moon-risen",
        "changed model hris_moons",
    ]


def test_an_exception_that_is_not_needed_any_more_is_found(sdk: Sdk) -> None:
    found = find_drift(sdk, catalogue(), {**ON_PURPOSE, "list /hris/moons": "a reason"})
    assert found == ["list /hris/moons: is excepted, and not found any more"]
