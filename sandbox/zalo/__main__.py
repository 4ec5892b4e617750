"""`python -m sandbox.zalo`: reads the command line and runs the sandbox's Zalo."""

import argparse
import asyncio
from pathlib import Path

from sandbox.zalo.process import LOOPBACK, Place, run
from sandbox.zalo.switches import Switches
from sandbox.zalo.world import Identity, World


def main() -> None:
    options = _parser().parse_args()
    identity = Identity(options.app_id, options.app_secret, options.oa_id, options.oa_name, options.oa_secret)
    initial = Switches(
        rate_per_minute=options.rate_per_minute,
        latency_ms=options.latency_ms,
        everybody_known=options.everybody_known,
    )
    place = Place(options.host, options.port, options.control_host, options.control_port, options.ready, options.parent)
    asyncio.run(run(World(identity, initial), place))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.zalo", description="Zalo in a box.")
    parser.add_argument("--host", default=LOOPBACK, help="the address of the API")
    parser.add_argument("--port", type=int, default=0, help="of the API; 0 takes a free one")
    parser.add_argument("--control-host", default=LOOPBACK, help="the address of the control and the page")
    parser.add_argument("--control-port", type=int, default=0, help="of the control and the page; 0 takes a free one")
    parser.add_argument("--ready", type=Path, help="the file that says where it listens, written when it does")
    parser.add_argument("--parent", type=int, default=0, help="end when this process is no longer our parent")
    parser.add_argument("--app-id", default=Identity.app_id)
    parser.add_argument("--app-secret", default=Identity.app_secret)
    parser.add_argument("--oa-id", default=Identity.oa_id)
    parser.add_argument("--oa-name", default=Identity.oa_name)
    parser.add_argument("--oa-secret", default=Identity.oa_secret, help="the key that webhooks are signed with")
    parser.add_argument("--rate-per-minute", type=int, default=Switches.rate_per_minute)
    parser.add_argument("--latency-ms", type=int, default=Switches.latency_ms)
    parser.add_argument("--everybody-known", action="store_true", help="any numeric user id can be written to")
    return parser


if __name__ == "__main__":
    main()
