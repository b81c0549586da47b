"""OpenTelemetry traces: the events of a command as spans, sent to a collector when it ends.

    traces.endpoint    where the collector takes traces by OTLP over HTTP
    traces.headers     what it wants in headers, `name=value,name=value`; a secret

A span has the fields of its event, so it can hold no more than that; error messages, which name
paths, stay in the log. Import this only where traces are wanted: it takes a fifth of a second.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, cast

import msgspec
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.re import parse_env_headers

from talkhouse.pipelines.exit_codes import FAILED, MISUSED
from talkhouse.pipelines.telemetry.events import HEARD, Event
from talkhouse.sources.settings import SettingsError

EXPORT_SECONDS = 10.0
LEFT_OUT = {"at", "event", "process_id", "seconds", "error"}


@contextmanager
def traced(endpoint: str, headers: str) -> Iterator[None]:
    """Sends the spans of what happens while the context lasts. What cannot be sent is said, and
    stops nothing. Raises SettingsError.
    """
    # it would tell of failures itself, with the address
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry").propagate = False
    exporter = _exporter(endpoint, headers)
    kept = InMemorySpanExporter()
    about = Resource.create({"service.name": "talkhouse", "service.version": version("talkhouse")})
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    handler = Spans(provider.get_tracer("talkhouse"))
    HEARD.addHandler(handler)
    HEARD.setLevel(logging.INFO)
    try:
        yield
    finally:
        HEARD.removeHandler(handler)
        spans = kept.get_finished_spans()
        if spans and exporter.export(spans) is not SpanExportResult.SUCCESS:
            sys.stderr.write(
                "talkhouse: the traces were not delivered: traces.endpoint refused them, or could "
                "not be reached\n"
            )
        exporter.shutdown()  # type: ignore[no-untyped-call]


def _exporter(endpoint: str, text: str) -> OTLPSpanExporter:
    if not endpoint.startswith(("https://", "http://")):
        raise SettingsError("traces.endpoint is no address: it begins with https://")
    headers = parse_env_headers(text, liberal=True)
    if len(headers) != len(text.split(",")) and text:
        raise SettingsError("traces.headers: write them as name=value,name=value")
    return OTLPSpanExporter(endpoint, headers=headers, timeout=EXPORT_SECONDS)


class Spans(logging.Handler):
    """Makes spans of events: one of what starts and ends, and one of what tells how long it took.
    The rest are events of the span that they happen in.
    """

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer
        self._open: dict[str, Span] = {}

    def emit(self, record: logging.LogRecord) -> None:
        event = cast(Event, record.msg)
        fields = msgspec.structs.asdict(event)
        name = str(event.__struct_config__.tag)
        if name.endswith("_started"):
            name = name.removesuffix("_started")
            of_command = f"talkhouse {fields['command']}" if name == "command" else name
            self._open[name] = self._begun(of_command, event.at)
        elif "seconds" in fields:
            name = name.removesuffix("_ended")
            began_at = event.at - timedelta(seconds=fields["seconds"])
            span = self._open.pop(name, None) or self._begun(name, began_at)
            span.set_attributes(_attributes(fields))
            if fields.get("outcome") == "failed" or fields.get("exit_code") in (FAILED, MISUSED):
                span.set_status(StatusCode.ERROR)
            span.end(_nanoseconds(event.at))
        elif self._open:
            self._innermost.add_event(name, _attributes(fields), _nanoseconds(event.at))

    @property
    def _innermost(self) -> Span:
        return list(self._open.values())[-1]

    def _begun(self, name: str, at: datetime) -> Span:
        within = set_span_in_context(self._innermost) if self._open else None
        return self._tracer.start_span(name, within, start_time=_nanoseconds(at))


def _attributes(fields: dict[str, Any]) -> dict[str, Any]:
    """An event's fields as attributes: numbers by name each on its own, and none that is null."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            found |= {f"talkhouse.{name}.{key}": each for key, each in value.items()}
        elif value is not None and name not in LEFT_OUT:
            found[f"talkhouse.{name}"] = value
    return found


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1_000
