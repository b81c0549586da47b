"""What Postgres means by its errors, and what to do: those that an operator can mend.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

REMEDIES = {
    "25006": (
        "is read-only: name the primary server in destination.postgres.credentials, or let the "
        "role write (default_transaction_read_only)"
    ),
    "42501": "does not let this role write where it must: README.md, Postgres, says what it needs",
    "53100": "has no room left on its disk: make some",
}


def refusal_of(error: BaseException) -> str:
    """Why the database refused, said of it; empty where it is nothing that an operator can mend."""
    # psycopg2 calls it so, and ADBC so
    state = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    return REMEDIES.get(state or "", "")
