"""Environments of the configuration: what each has, and what cannot be."""

from __future__ import annotations

import pytest

from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Reserve
from tests.config.loads import Load, refusal

TWO = """
[kombo]
api_key = "key-of-default"
page_size = 100
[budget]
reserve = "40%"
[webhooks]
secrets = ["secret-of-default"]
[environments.us]
api_key = "key-of-us"
region = "us"
reserve = 5
webhook_secrets = ["secret-of-us"]
[[integrations]]
id = "personio:one"
[[integrations]]
id = "workday:two"
environment = "us"
"""


def test_each_environment_has_what_is_written_for_it_and_defaults_for_the_rest(load: Load) -> None:
    settings = load(TWO)
    default, us = (settings.of_environment(name) for name in settings.environment_names)
    assert (default.api_key(), us.api_key()) == ("key-of-default", "key-of-us")
    assert (default.base_url, us.base_url) == ("https://api.kombo.dev/v1", "https://api.us.kombo.dev/v1")
    assert (default.kombo.page_size, us.kombo.page_size) == (100, 250)
    assert (default.budget.reserve, us.budget.reserve) == (Reserve(share=0.4), Reserve(count=5))
    assert default.webhooks.all_secrets == ("secret-of-default",)
    assert us.webhooks.all_secrets == ("secret-of-us",)
    assert [each.id for each in us.integrations] == ["workday:two"]
    assert {"key-of-us", "secret-of-us"} <= set(settings.secrets())


def test_variables_and_secret_files_set_an_environment_of_any_name(load: Load) -> None:
    settings = load(
        "", {"SYNCER_ENVIRONMENTS__EU__API_KEY": "other"}, SYNCER_ENVIRONMENTS__SAND_BOX__API_KEY="key"
    )
    assert sorted(settings.environment_names) == ["eu", "sand_box"]
    assert settings.of_environment("sand_box").api_key() == "key"
    assert settings.of_environment("eu").api_key() == "other"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ("default",)),
        ('[environments.us]\napi_key = "key"', ("us",)),
        ('[environments.us]\n[[integrations]]\nid = "a"', ("default", "us")),
        ('[kombo]\napi_key = "a"\n[environments.us]', ("default", "us")),
    ],
)
def test_the_default_environment_is_there_unless_only_others_are_used(
    load: Load, text: str, names: tuple[str, ...]
) -> None:
    assert load(text).environment_names == names


def test_a_key_that_is_missing_is_missing_in_its_environment(load: Load) -> None:
    us = load("[environments.us]").of_environment("us")
    with pytest.raises(UsageError, match=r"no API key for the environment us: set SYNCER_ENVIRONMENTS__US__"):
        us.api_key()


@pytest.mark.parametrize(
    ("written", "instead", "fault"),
    [
        ('environment = "us"', 'environment = "uss"', "there is no [environments.uss]. Did you mean us?"),
        ('environment = "us"', 'environment = ""', "environment should have at least 1 character."),
        ('id = "personio:one"', 'id = "workday:two"', "name workday:two in two environments, default and us"),
        ('"key-of-us"', '"key-of-default"', "default and us have the same API key"),
        ('"secret-of-us"', '"secret-of-default"', "webhooks of default and us have a secret in common"),
        ("[environments.us]", "[environments.default]", "[kombo] is the environment default."),
        ("[environments.us]", '[environments."U S"]', "cannot be called 'U S': lowercase letters"),
        ("[environments.us]", '[environments.""]', "cannot be called '': lowercase letters"),
        ("[environments.us]", "[environments.a__b]", "cannot be called 'a__b': lowercase letters"),
        ('region = "us"', 'region = "usa"', "environments.us.region should be 'eu', 'us' or 'ca'."),
        (
            'region = "us"',
            'regio = "us"',
            "no setting environments.us.regio. Did you mean environments.us.region?",
        ),
        ('api_key = "key-of-us"', 'api_key_file = "nothing"', "environments.us.api_key_file cannot be read"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence_without_a_secret(
    load: Load, written: str, instead: str, fault: str
) -> None:
    told = refusal(load, TWO.replace(written, instead, 1))
    assert fault in told
    assert not any(f"{kind}-of-" in told for kind in ("key", "secret"))
