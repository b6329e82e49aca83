"""Open the explorer on a session: ``python scripts/open_explorer.py --configfile my.yaml``."""

import argparse
from pathlib import Path

from scopeflow.pages.serve import add_options, run, serve


def main() -> None:
    """Read the options and serve the page."""
    parser = argparse.ArgumentParser(
        description="See a session's own data and what every setting does to it, before a run or "
        "after; save what you choose into the config."
    )
    parser.add_argument("--configfile", type=Path, default=Path("config/config.yaml"))
    parser.add_argument("--session", help="name in the sample sheet; may be left out if one only")
    parser.add_argument("--variant", default="default", help="variant whose settings are shown")
    add_options(parser)
    options = parser.parse_args()

    def picture() -> bytes:
        from scopeflow.pages.explorer.desk import Desk
        from scopeflow.pages.explorer.first import first_picture

        return first_picture(Desk(options.configfile, options.session, options.variant))

    def load():
        from scopeflow.pages.explorer.app import Explorer

        return Explorer(options.configfile, options.session, options.variant)

    serve(load, options, "Scopeflow explorer", picture)


if __name__ == "__main__":
    run(main)
