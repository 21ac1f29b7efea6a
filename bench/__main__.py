"""`python -m bench` is `tfgate`."""

import sys

from bench.cli import main

sys.exit(main())
