"""``python -m mcoe.distributed``: plans or simulates a scenario in shards."""

from __future__ import annotations

import argparse
import json
import sys

from mcoe import distributed
from mcoe.errors import McoeError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mcoe.distributed", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    plan = commands.add_parser("plan", help="plan a week for every client", description="Plan a week for every client.")
    plan.add_argument("--week", help="ISO week such as 2026-W37; default: the first of the scenario")
    simulate = commands.add_parser("simulate", help="simulate weeks", description="Simulate weeks.")
    simulate.add_argument("--weeks", type=int, help="number of weeks; default: the scenario's")
    simulate.add_argument("--replications", type=int, default=20, help="how often the weeks are simulated; default: 20")
    simulate.add_argument("--seed", type=int, default=1, help="seed of all random numbers; default: 1")
    simulate.add_argument("--tier", choices=["exact", "fast"], default="exact", help="default: exact")
    for command in (plan, simulate):
        command.add_argument("--scenario", required=True, help="folder of the scenario: a path, or a URI")
        command.add_argument("--rules", required=True, help="folder of the rules pack")
        command.add_argument("--out", required=True, help="folder for the results: a path, or a URI")
        command.add_argument("--engine", choices=["local", "ray", "spark"], default="local", help="default: local")
        command.add_argument("--shards", type=int, help="number of shards; default: one for each 250 clients")
        command.add_argument("--threads", type=int, help="threads for each shard")
    return parser


def _show(done: int, shards: int) -> None:
    print(f"{done} of {shards} shards are done", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command, and returns its exit code: 0, 1 if limits cannot be kept, or 2 if an input is invalid."""
    given = vars(_parser().parse_args(arguments))
    command, rules, scenario, out = (given.pop(name) for name in ("command", "rules", "scenario", "out"))
    try:
        if command == "plan":
            plan = distributed.plan(rules, scenario, out, progress=_show, **given)
            print(json.dumps(plan))
            return 1 if plan["unmet_limits"] else 0
        simulation = distributed.simulate(rules, scenario, out, progress=_show, **given)
    except McoeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"provenance": simulation.provenance, "headline": simulation.headline}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
