"""`python -m gemnb` is `gemnb`."""

from gemnb.cli import main

main()
