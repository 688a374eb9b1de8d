"""Entry point: runs a command and gives the operator's errors one clear sentence."""

import sys


def main() -> None:
    """Exit 0 when all is done, 1 when records met a bug, 2 for the operator's errors, 130 when stopped."""
    import click

    from agents.endpoint import EndpointError
    from pipeline.cli import app
    from pipeline.config import ConfigError
    from pipeline.export import ExportError
    from pipeline.store import StoreError
    from pipeline.training.errors import TrainingError

    try:
        sys.exit(app(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (ConfigError, EndpointError, StoreError, ExportError, TrainingError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        print("Stopped. Run the same command again to go on where it was.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
