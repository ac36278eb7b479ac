"""Keeps the description of new contract versions: ``python -m tests.contract.rpc.regenerate``.

A version that is kept already is left alone; ``--replace TOPIC`` writes it anew, which is
right only while no release contains it.
"""

from __future__ import annotations

import sys

from nova_clone.runtime import concurrency


def main() -> None:
    concurrency.init()
    from nova_clone.rpc.contract import definition
    from tests.contract.rpc.published import contracts, path_of, rendered

    replaced = sys.argv[2:] if sys.argv[1:2] == ["--replace"] else []
    for topic, contract in contracts().items():
        path = path_of(topic, definition(contract).version)
        if path.exists() and topic not in replaced:
            continue
        path.write_text(rendered(contract))
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
