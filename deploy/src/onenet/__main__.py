"""`python -m onenet`, the same as the command `onenet`."""

from onenet.cli import main

main()
