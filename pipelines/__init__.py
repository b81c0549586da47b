"""What is done with the sources, in wings: a folder for each question that a reader asks.

    cli/            the commands: options, exit codes, error messages
    api.py          the same for other programs, and for the commands
    demo/           the simulator, synced from or served
    orchestration/  many connections in a row, and the files that schedule them
    alerts/         what becomes wrong or well again, sent once to each channel
    privacy/        where personal data is stored; erasure, retention, a changed policy
    monitoring/     how a connection is doing: `status`, and metrics
    verification/   the provider compared with the warehouse, and what differs mended
    syncing/        one connection, chunk by chunk, from its plan to its tombstones
    analytics/      the analysts' tables, built by dbt, and the copy that others read
    telemetry/      what happens in a command: the log and the traces
    audit/          what was done and what is left to do, in the dataset `audit`
    settings/       what `.dlt` and the environment say
    warehouse/      DuckDB or Postgres
    console.py      where commands print; exit_codes.py what they exit with

No wing imports one above it. Nothing here names a provider.
"""
