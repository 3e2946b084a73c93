"""`python -m bench.chaos`: orders paid through both vendors while everything breaks; exit code 1 if any money is wrong."""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bench.place import prepared_site

PEOPLE = "An order is a payer with one to three sessions."


def main() -> None:
    asked = _arguments()
    signal.signal(signal.SIGTERM, _stop)
    began = time.monotonic()
    with prepared_site(port=asked.port, settings=_settings(asked.port)) as folder:
        from bench.chaos import report, run  # Django is set up only now

        logging.disable(logging.WARNING)  # this process's own part in it; the site's programs have their log
        print(f"The database was made in {time.monotonic() - began:.0f} s.", flush=True)
        plan = run.Asked(asked.orders, asked.seed, asked.seconds_limit, asked.restarts, asked.pause, asked.port)
        result = run.make_chaos(plan, folder)
        if asked.logs:
            _keep_logs(folder, Path(asked.logs))
        told = report.tell(result)
        print(told)
        if asked.write:
            report.write(told)
    sys.exit(1 if result.violations else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__, epilog=PEOPLE)
    parser.add_argument("--orders", type=int, default=2000, help="how many orders (2000)")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="the same plan again; random by default")
    parser.add_argument("--seconds-limit", type=float, default=900, help="payers who are not done by then go home (900)")
    parser.add_argument("--restarts", type=int, default=6, help="how often the database goes down (6)")
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between two kills, on average (1.5)")
    parser.add_argument("--port", type=int, default=8240, help="the first of ten free ports on 127.0.0.1 (8240)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    parser.add_argument("--logs", help="a folder to keep what the site's programs and PostgreSQL logged")
    return parser.parse_args()


def _settings(port: int) -> dict[str, str]:
    """The database is the run's own, since it is to fall over; people come over plain http."""
    return {
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "bench.chaos.settings",
        "SITE_URL": f"http://127.0.0.1:{port + 5}",
        "API_CALLS_PER_MINUTE": "1000000",
        "WEB_CONCURRENCY": "1",  # of each of the two web servers
    }


def _keep_logs(folder: Path, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for log in (folder / "site.log", *(folder / "postgres").glob("server.log*")):
        shutil.copy(log, kept)


def _stop(*_: Any) -> None:
    sys.exit(143)


if __name__ == "__main__":
    main()
