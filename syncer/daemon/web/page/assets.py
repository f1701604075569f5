"""Style sheet, script and icon of the status page: files of the package, whose names change with them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Asset(Struct, frozen=True):
    """One file. path: under which it is served."""

    path: str
    content: bytes
    media_type: str


@cache
def assets() -> Mapping[str, Asset]:
    """Read the files, by name."""
    found = {}
    for file in sorted(FOLDER.iterdir()):
        if file.suffix in _TYPES:
            content = file.read_bytes()
            name = f"{file.stem}.{blake2b(content, digest_size=6).hexdigest()}{file.suffix}"
            found[file.name] = Asset(f"/assets/{name}", content, _TYPES[file.suffix])
    return found


@cache
def assets_version() -> str:
    """Hash all files: a page of another version has to be loaded anew."""
    return blake2b("".join(each.path for each in assets().values()).encode(), digest_size=6).hexdigest()


async def serve_asset(request: Request) -> Response:
    """Answer with a file; browsers keep it, since another version has another name."""
    found = next((each for each in assets().values() if each.path == request.url.path), None)
    if found is None:
        return PlainTextResponse("There is no such file.\n", status_code=404)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(found.content, media_type=found.media_type, headers=headers)
