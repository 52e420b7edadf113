"""`python -m restem` is the command `restem`."""

import sys

from restem.bridge.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
