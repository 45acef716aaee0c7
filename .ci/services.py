"""Ask each database that the tests need for its version; exit 1 and say which one did not answer."""

from __future__ import annotations

import os
import sys

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError


def main() -> int:
    """Returns the exit code: 0 where every service answered."""
    silent = 0
    for variable in ("RECON_TEST_POSTGRES", "RECON_TEST_MARIADB"):
        url = make_url(os.environ[variable])
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        try:
            with create_engine(url).connect() as connection:
                sys.stdout.write(f"{variable}: {connection.execute(text('select version()')).scalar_one()}\n")
        except SQLAlchemyError as failed:
            silent += 1
            sys.stderr.write(f"{variable}: no answer from {url.render_as_string()}: {failed.__cause__ or failed}\n")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
