"""The providers, a folder each with its records, settings and README, and what they share:

    registry.py          the providers by name
    provider.py          what a provider is to the pipelines
    settings.py          what every connection can set
    connection.py        the client of a connection, and the size of its pages
    http/                asks a provider, within its rate limit
    rows/                a page's body becomes typed rows, under the storage rules, as Arrow tables
    scan/                reads a list that moves, and the threads of conversations
    dlt_source/          a chunk of lists and threads in files, and as a dlt source
    reader_processes.py  reads pages in other processes, where one is not enough

Nothing here knows a destination.
"""
