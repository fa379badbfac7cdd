"""Set the service up: ``python -m cotrace_service.manage demo FOLDER``, ``new-key``, ``new-signing-key``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from cotrace_service.config import ConfigError
from cotrace_service.keys import ROLES, new_key
from cotrace_service.offline import new_signing_key

__all__ = ["demo", "main"]

_SETTINGS = """\
store = "store"
codes = "codes"
keys = "keys.json"
audit = "audit.log"
audit_key = "audit.key"
signing_key = "signing.pem"
public_keys = "public"
"""


def demo(folder: Path, people: int = 120, at: int | None = None) -> dict[str, str]:
    """Make a made town's store, codes, keys and settings in an empty folder; return a key for every role."""
    import cotrace
    from cotrace import codes
    from cotrace.demo import city_pings
    from cotrace.privacy import new_key_file

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pings = cotrace.read_pings(city_pings(people))
    with cotrace.Store(folder / "store") as store:
        store.ingest(pings)
        stays = store.stays()
    at = int(time.time()) if at is None else at
    found = cotrace.find_companions(stays, [101], as_of="2021-11-03T00:00:00+08:00")
    book = codes.Book(codes.chengdu_2021)
    everybody = stays.devices.to_pylist()
    enrolled = {
        "device": everybody,
        "event": ["enrolled"] * len(everybody),
        "at": [at - 86_400] * len(everybody),
    }
    book.apply(codes.propose(found), events=enrolled)
    book.apply(codes.propose(found, at=at - 3600))
    codes.publish(folder / "codes", book, at=at)
    new_key_file(folder / "audit.key")
    new_signing_key(folder / "signing.pem", folder / "public" / "first.pub")
    (folder / "service.toml").write_text(_SETTINGS)
    return {role: new_key(folder / "keys.json", f"demo {role}", [role]) for role in ROLES}


def main(given: list[str] | None = None) -> int:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    ways = parser.add_subparsers(dest="way", required=True)
    made = ways.add_parser("demo", help="a made town to try it with")
    made.add_argument("folder", type=Path)
    key = ways.add_parser("new-key", help="an API key; it is printed once")
    key.add_argument("keys", type=Path, help="the file of keys")
    key.add_argument("--who", required=True, help="the name that the audit log has")
    key.add_argument("--roles", required=True, nargs="+", choices=sorted(ROLES))
    key.add_argument("--days", type=float, default=90)
    sign = ways.add_parser("new-signing-key", help="a key for printable codes")
    sign.add_argument("private", type=Path)
    sign.add_argument("public", type=Path, help="a file *.pub in the folder of public keys")
    args = parser.parse_args(given)
    try:
        if args.way == "demo":
            for role, text in demo(args.folder).items():
                print(f"{role:8} {text}")
            print(f"python -m cotrace_service --config {args.folder}/service.toml")
        elif args.way == "new-key":
            print(new_key(args.keys, args.who, args.roles, args.days))
        else:
            new_signing_key(args.private, args.public)
    except (ConfigError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
