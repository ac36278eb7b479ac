"""Many openstack commands in one process, which saves loading its libraries each time.

Each line of the input is a list of words in JSON, each line of the output what became of it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys


def main() -> None:
    """Run commands until the input ends."""
    from openstackclient import shell

    for line in sys.stdin:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = shell.main(json.loads(line))
            except SystemExit as exit_:
                code = exit_.code
        told = {"code": code, "stdout": out.getvalue(), "stderr": err.getvalue()}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
