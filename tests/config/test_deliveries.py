"""Deliveries in the configuration: what each is, and a clear sentence for whatever it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.loads import Load, refusal
from tests.support.receivers import SECRET

FEED = "[changes]\nmodels = ['hris_*']\n"
DELIVERY = f"""
[[deliveries]]
name = "billing"
url = "https://app.example.com/hooks?token=t0ps3cret"
secret = "{SECRET}"
"""


def test_a_delivery_is_of_all_of_the_feed_unless_it_names_less(load: Load) -> None:
    [delivery] = load(FEED + DELIVERY).delivered
    assert len(delivery.models) > 15
    assert all(each.startswith("hris_") for each in delivery.models)
    assert (delivery.integrations, delivery.documents) == (("*",), False)
    [delivery] = load(
        f"{FEED}{DELIVERY}models = ['hris_employees', 'hris_gr*']\nintegrations = ['personio:*']\n"
        "documents = true\n"
    ).delivered
    assert delivery.models == {"hris_employees", "hris_groups"}
    assert (delivery.integrations, delivery.documents) == (("personio:*",), True)


def test_native_lists_are_delivered_like_models(load: Load) -> None:
    native = """
    [[passthrough]]
    name = "hibob_titles"
    tool = "hibob/v1"
    request = { path = "/titles" }
    records = "titles"
    key = ["id"]
    """
    feed = "[changes]\nmodels = ['hibob_titles']\n"
    [delivery] = load(f"{feed}{DELIVERY}models = ['hibob_*']\n{native}").delivered
    assert delivery.models == {"hibob_titles"}


def test_a_secret_is_read_from_its_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "billing").write_text(f"{SECRET}\n")
    text = DELIVERY.replace(f'secret = "{SECRET}"', "secret_file = 'billing'").replace("?token=t0ps3cret", "")
    settings = load(FEED + text)
    assert settings.delivered[0].secret == SECRET
    assert settings.secret_files == (tmp_path / "billing",)
    (tmp_path / "billing").unlink()
    assert refusal(load, FEED + text) == (
        f"config.toml: deliveries[0].secret_file cannot be read in {tmp_path}: No such file or directory."
    )


def test_a_file_with_a_secret_in_it_is_one_whose_mode_is_looked_at(load: Load, tmp_path: Path) -> None:
    assert load(FEED + DELIVERY).secret_files == (tmp_path / "config.toml",)


def test_whatever_is_secret_is_hidden(load: Load) -> None:
    settings = load(FEED + DELIVERY)
    assert "t0ps3cret" not in repr(settings)
    assert SECRET not in repr(settings)
    assert {SECRET, SECRET.removeprefix("whsec_")} < {*settings.secrets()}


FORM = "should be whsec_ and 24 to 64 bytes in base64"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (f'secret = "{SECRET}"', "", "deliveries[0].secret is missing: set secret_file or secret."),
        (SECRET, "c3luY2VyIGRlbGl2ZXJzIHRvIGl0cyB0ZXN0cyEh", FORM),
        (SECRET, "whsec_dG9vIHNob3J0", FORM),
        (SECRET, "whsec_no-base64-at-all-but-long-enough!", FORM),
        ("https://app", "ftp://app", "url should be a URL such as https://"),
        ("https://app", "https://user:hunter2@app", "url should be a URL without user and password"),
        ("t0ps3cret", "t0ps3cret#part", "url should be a URL without a fragment"),
        ("t0ps3cret", "t0p s3cret", "url should be a URL such as https://"),
        (".com", ".com:99999", "url should be a URL such as https://"),
        ("billing", "two words", "deliveries[0].name is none: 'two words' cannot be the name of a consumer"),
        ('name = "billing"', "", "deliveries[0].name is missing."),
        ("secret =", "models = 'hris_*'\nsecret =", 'should be a list such as ["hris_*"]'),
        ("secret =", "documents = 'often'\nsecret =", "deliveries[0].documents"),
        ("secret =", "retries = 3\nsecret =", "there is no setting deliveries[0].retries."),
        (
            "secret =",
            "models = ['hris_employes']\nsecret =",
            "deliveries of billing has models that cannot be: There is no model 'hris_employes'.",
        ),
        (
            "secret =",
            "models = ['*']\nsecret =",
            "deliveries of billing has models that are not among changes.models: assessment_orders, ats_",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_without_its_secrets(
    load: Load, before: str, after: str, expected: str
) -> None:
    assert before in DELIVERY
    message = refusal(load, FEED + DELIVERY.replace(before, after))
    assert expected in message
    assert "\n" not in message
    for secret in (SECRET, "hunter2", "t0p", "dG9vIHNob3J0"):
        assert secret not in message


def test_two_deliveries_of_one_name_are_refused(load: Load) -> None:
    assert "deliveries has the name billing twice." in refusal(load, FEED + DELIVERY + DELIVERY)


def test_without_a_feed_there_is_nothing_to_deliver(load: Load) -> None:
    assert refusal(load, DELIVERY) == (
        "config.toml: deliveries of billing has nothing to deliver: name models in changes.models."
    )
