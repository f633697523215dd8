"""`python -m pybernetes.cli`, the same as the command `pybernetes`."""

import sys

from pybernetes.cli.main import main

sys.exit(main())
