"""Run the service: ``python -m cotrace_service [--config service.toml] [--workers N]``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from cotrace_service.config import ConfigError, load


def app() -> Any:
    """Make the application; what each worker of uvicorn calls."""
    from cotrace_service.app import create_app

    return create_app(load())


def main() -> int:
    """Check the settings, and serve."""
    import uvicorn

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", help="a TOML file; COTRACE_SERVICE_CONFIG unless given")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    if args.config:
        os.environ["COTRACE_SERVICE_CONFIG"] = os.path.abspath(args.config)
    os.umask(0o077)
    try:
        config = load()
    except ConfigError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 2
    # no log of requests: addresses of people who are looked up have no business in it
    uvicorn.run(
        "cotrace_service.__main__:app",
        factory=True,
        host=config.host,
        port=config.port,
        workers=args.workers,
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
