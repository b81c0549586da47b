"""The providers, and what they share. Read top to bottom, this is the way of the data:

    http.py       asks a provider, within its budget.py; errors.py says what can go wrong, and
                  transport.py what can below HTTP
    pages.py      a page's body, mended (mending.py), becomes typed rows (records.py), if need be
                  leniently (salvage.py)
    listing.py    what a provider declares of a list, and how far a run reads it
    scan.py       reads a list that moves, chunk by chunk; schedule.py knows what is to be read
    fetch.py      gets its pages: by number, by spans.py that overlap, or by_id.py
    walk.py       decides page by page where to go on, and when it is over
    readers.py    reads pages of it in other processes, where one is not enough
    threads.py    reads the messages of the conversations that changed
    terms.py      on which terms rows are stored: what privacy.py hides, who and what is kept out
    tables.py     a list's records become the rows of its tables, as Arrow (arrow.py)
    chunk.py      reads a chunk of lists and threads into files (spool.py)
    resources.py  lists and threads as the provider's dlt source, which takes those files
    run.py        what a source is given, and what a provider is to the pipelines
    settings.py   what every connection can set

Each provider is a folder with its own records, settings and README. Nothing here knows a
destination.
"""

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from sources.run import Provider

PROVIDERS = ("chatwoot", "hilos", "activecampaign", "octopush", "pembalasan")


def provider(name: str) -> "Provider":
    """The provider of that name. Raises KeyError for an unknown one."""
    if name not in PROVIDERS:
        raise KeyError(name)
    return cast("Provider", import_module(f"sources.{name}").PROVIDER)
