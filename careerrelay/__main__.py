"""``python -m careerrelay``."""

from careerrelay.cli.main import main

if __name__ == "__main__":
    main()
