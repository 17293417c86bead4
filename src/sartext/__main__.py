"""``python -m sartext``: the same commands as ``sartext``."""

from sartext.cli import main

if __name__ == "__main__":
    main()
