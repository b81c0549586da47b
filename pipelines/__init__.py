"""What is done with the sources: the command line, and what its commands do. Read top to bottom,
this is the way of the data; each module's first line says more.

The command line
    app.py               what commands share: options, exit codes, how an error is told
    cli.py               the commands; cli_warehouse.py and cli_privacy.py have the later ones
    init.py              writes settings; configuration.py finds them, connections.py reads those
                         of connections; check.py tries them
    policy.py            what they say of personal data, and of how long it is kept
    demo.py, simulate.py the simulator, synced from or served

A sync
    sync_command.py      all that `talkhouse sync` does, from its options to its exit code
    batch.py             the chosen connections, one after the other
    terms.py             on which terms the rows of one are stored
    sync.py              one of them, chunk by chunk, with its state (state.py)
    messages.py          then the threads of its work-list (worklist.py)
    load.py              a chunk: as one load package of dlt's (package.py), which engine.py sets
                         up; if nothing of it is new, without one (unchanged_chunk.py)
    changes.py           marks that rows changed which builds read
    tombstones.py        marks what the provider has no more
    audit.py             notes what was done; housekeeping.py deletes what is old of that
    failures.py          why it failed, in words
    progress.py          shows it while it runs; summary.py what it did
    plan.py, dry_run.py  what it would cost, what it would load

The warehouse
    destination.py       which one is configured; postgres_settings.py which Postgres
    warehouse.py         what is asked of it: duckdb_file.py with duckdb_load.py and
                         duckdb_errors.py, or postgres.py with postgres_load.py, postgres_locks.py,
                         postgres_indexes.py and postgres_errors.py
    absent_modules.py    keeps DuckDB from searching for pandas again and again
    resolved_once.py     keeps dlt from asking for the settings of either again and again
    migrations.py        brings one of an earlier release up to date

The proof
    verify.py            compares the provider with the warehouse (compare.py, scratch.py)
    repair.py            mends what differs; verdict.py says it

What is made of it
    build.py             the analysts' tables, by dbt, unless nothing changed (unchanged_build.py);
                         describe.py tells it of the raw ones
    publish.py           the copy that others read

What is known of it
    health.py            how a connection has been doing, and whether its volume.py is unusual
    status.py            how it stands; overview.py all of them, and show_status.py shows it
    runs.py              what each sync did
    alerts.py            tells what begins to need somebody through channels.py; ledger.py notes it
    deliver.py           gives it to them; outage.py tells when the warehouse itself is out
    events.py            what happens in a command, as telling.py tells it to logs.py and traces.py
    meter.py             where the metrics.py go
    schedule.py          files that run it all every so often

Personal data
    personal.py          where it is stored, and what a change of the policy does
    apply.py             does that: rewrite.py what is stored, renew.py what was made of it
    erase.py             a person (person.py), from every text as well (sweep.py)
    retain.py            what is too old
    leftovers.py         what lies beside the tables, which all three take away

Nothing here names a provider.
"""
