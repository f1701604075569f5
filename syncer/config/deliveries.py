"""Deliveries of the change feed that the configuration asks for: ``[[deliveries]]``."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Collection
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from syncer.config.receivers import check_receiver
from syncer.config.secrets import Secret, SecretFile
from syncer.config.section import Section
from syncer.config.values import list_of_texts
from syncer.config.written import Written
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.deliveries.delivery import Delivery
from syncer.domain.errors import UsageError
from syncer.domain.feed.consumer_names import check_consumer_name

#: What a secret of Standard Webhooks begins with, and how many bytes it has.
_PREFIX = "whsec_"
_FEWEST_BYTES, _MOST_BYTES = 24, 64
_FORM = (
    f"should be {_PREFIX} and {_FEWEST_BYTES} to {_MOST_BYTES} bytes in base64, such as the output of "
    f'`echo "{_PREFIX}$(openssl rand -base64 32)"`'
)


def _name(value: str) -> str:
    try:
        return check_consumer_name(value)
    except UsageError as error:
        raise ValueError(f"is none: {error}") from None


def _receiver(value: SecretStr) -> SecretStr:
    check_receiver(
        value.get_secret_value(),
        example="https://app.example.com/hooks/mirror",
        instead="messages are signed",
    )
    return value


def _signing(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """Check the secret that messages are signed with. Nothing of a refused one is repeated."""
    text = value.get_secret_value()
    if "secret_file" not in info.data:
        # It is faulty, which is said once.
        return value
    if not text:
        raise ValueError("is missing: set secret_file or secret")
    try:
        key = b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(_FORM)
    return value


_Globs = Annotated[
    tuple[Annotated[str, Field(pattern=r"^\S+$")], ...],
    Field(min_length=1),
    Written("list of globs"),
]


class DeliveryTable(Section):
    """Delivery of changes to one receiver."""

    name: Annotated[str, AfterValidator(_name)] = Field(
        description="Its name; it is a consumer of that name."
    )
    url: Annotated[SecretStr, AfterValidator(_receiver), Written("URL")] = Field(
        description="Where to post. Redirects are not followed."
    )
    secret_file: SecretFile = Field(
        default=None,
        description='A file that holds the secret, "whsec_" and base64: `echo "whsec_$(openssl rand -base64'
        ' 32)"` makes one.',
    )
    secret: Annotated[Secret, AfterValidator(_signing)] = Field(
        default=SecretStr(""), description="The secret itself, instead of `secret_file`."
    )
    models: Annotated[_Globs, BeforeValidator(partial(list_of_texts, example="hris_*"))] | None = Field(
        default=None,
        description="Models and native lists, as globs; all that `[changes]` names where the line is"
        " missing.",
    )
    integrations: Annotated[_Globs, BeforeValidator(partial(list_of_texts, example="personio:*"))] = Field(
        default=("*",), description="Integrations, as globs over their ids."
    )
    documents: bool = Field(
        default=False,
        description="Send the record, as the mirror has it by then, with each change.",
    )

    def secrets(self) -> tuple[str, ...]:
        """Collect what must never be shown: the secret in both of its forms, and an address with a query."""
        secret, url = self.secret.get_secret_value(), self.url.get_secret_value()
        return (secret, secret.removeprefix(_PREFIX), *((url,) if "?" in url else ()))

    def delivery(self, native_lists: Collection[str], in_feed: Collection[str]) -> Delivery:
        """Make the delivery. native_lists: names of all; in_feed: models and native lists of the feed.

        Raises ValueError, as the end of a sentence, where it wants others.
        """
        if not in_feed:
            raise ValueError(f"of {self.name} has nothing to deliver: name models in changes.models")
        return Delivery(
            name=self.name,
            url=self.url.get_secret_value(),
            secret=self.secret.get_secret_value(),
            models=frozenset(in_feed if self.models is None else self._models(native_lists, in_feed)),
            integrations=self.integrations,
            documents=self.documents,
        )

    def _models(self, native_lists: Collection[str], in_feed: Collection[str]) -> set[str]:
        try:
            chosen = select_names(self.models or (), native_lists)
        except UsageError as error:
            raise ValueError(f"of {self.name} has models that cannot be: {error}") from None
        if missing := sorted(chosen.difference(in_feed)):
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise ValueError(
                f"of {self.name} has models that are not among changes.models: {', '.join(missing[:3])}{more}"
            )
        return chosen


def each_name_once(deliveries: tuple[DeliveryTable, ...]) -> tuple[DeliveryTable, ...]:
    """Check that no two deliveries are the same consumer. Raises ValueError."""
    names = [each.name for each in deliveries]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"has the name {name} twice")
    return deliveries
