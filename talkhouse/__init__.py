"""Replicates customer conversations from inbox products into DuckDB or Postgres, verifies the copy,
and builds tables for analysts from it.

    sources/     extracts: a folder for each provider
    pipelines/   loads and operates: the command line
    models/      a dbt project over what is loaded
    simulator/   the providers' APIs over one made-up company

In the repository these four are links to the folders of those names at its top. Import them as
`talkhouse.sources` and so on: `import sources` there would make a second copy of each module.
"""

__version__ = "0.1.0"
