"""Screenshots of the status page for the documents, of a made-up company; `make screenshots` runs this.

python -m tests.support.screenshots docs/images
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from syncer.app import App
from syncer.config.settings import Settings
from tests.support.browser import Tab, running_browser
from tests.support.served_pages import served
from tests.support.showcase import HELD_MODEL, fill, history, integration_id

WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 1130}, "color_scheme": "light"}
DARK: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "color_scheme": "light",
    "is_mobile": True,
}
#: Picture -> integrations, whether all is well, the screen and the path.
PICTURES: dict[str, tuple[int, bool, dict[str, Any], str]] = {
    "status": (6, False, WIDE, "/"),
    "status-thousand": (1_000, True, DARK, "/"),
    "status-phone": (6, False, PHONE, f"/integrations/{integration_id(0)}/{HELD_MODEL}"),
}


def main() -> None:
    """Write the pictures into the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with running_browser() as browser:
        for name, (number, well, look, path) in PICTURES.items():
            with tempfile.TemporaryDirectory() as place:
                tables: dict[str, Any] = {
                    "kombo": {"api_key": "key"},
                    "database": {"url": f"sqlite:///{place}/mirror.db"},
                    "integrations": [{"id": integration_id(each)} for each in range(number)],
                    "web": {"port": 0},
                }
                app = App(Settings(**tables))
                fill(app, well=well)
                with served(app, history(app)) as url:
                    tab = Tab(browser, url, **look)
                    tab.open(path).screenshot(path=folder / f"{name}.png")
                    tab.close()
            print(folder / f"{name}.png")


if __name__ == "__main__":
    main()
