"""Entry point of `cof` and `python -m pipeline`."""


def main() -> None:
    from pipeline.cli import app

    app()


if __name__ == "__main__":
    main()
