"""Check of the API key, whose result is kept for everybody who asks how the mirror stands."""

from __future__ import annotations

from syncer.domain.errors import KeyRefused, KomboError
from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.ratelimit.budget import Purpose
from syncer.environments.environment import Environment
from syncer.store.state.refused_keys import forget_refusal, note_refusal
from syncer.sync.context import SyncContext


async def check_key(environment: Environment, context: SyncContext) -> KomboError | None:
    """Check the key by one request, before many are sent; give the error where Kombo could not say.

    Raises KeyRefused.
    """
    try:
        await context.client.check_key(purpose=Purpose.INCREMENTAL)
    except KeyRefused as error:
        await keep_refusal(environment, str(error))
        raise
    except KomboError as error:
        # Whatever else is wrong shows in the streams, each for itself.
        return error
    await keep_refusal(environment, None)
    return None


async def keep_refusal(environment: Environment, error: str | None) -> None:
    """Keep the refusal of the key in the database; None: it is accepted."""
    of, name, database = environment.name, key_fingerprint(environment.api_key), environment.database
    if error is None:
        await database.write(lambda connection: forget_refusal(connection, of, name))
    else:
        await database.write(
            lambda connection: note_refusal(connection, of, name, error, database.now(connection))
        )
