"""`python -m bench`: measure everything and print it. `--quick` takes about a minute, `--write` keeps it in the docs."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import Any

from bench.meeting_vendors import settings_for
from bench.place import prepared_site

MOST_CLIENTS = 16
PARTS = ["assigning", "rush", "webhooks", "slots", "full", "provisioning", "forecast"]


def main() -> None:
    asked = _arguments()
    signal.signal(signal.SIGTERM, _stop)
    began = time.monotonic()
    with prepared_site(port=asked.port, settings=settings_for(asked.port + 3)) as folder:
        from bench import measurements  # Django is set up only now

        sections = measurements.take(folder, port=asked.port, quick=asked.quick, only=asked.only)
        print()
        print("\n\n".join(sections))
        if asked.write:
            measurements.write(sections, only=asked.only)
    print(f"\n{time.monotonic() - began:.0f} s in all.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small selection, in about a minute")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    parser.add_argument("--only", choices=PARTS, help="measure this alone")
    parser.add_argument("--port", type=int, default=8230, help="the first of five free ports on 127.0.0.1 (8230)")
    return parser.parse_args()


def _stop(*_: Any) -> None:
    sys.exit(143)


if __name__ == "__main__":
    main()
