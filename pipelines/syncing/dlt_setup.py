"""dlt, as a sync needs it, for as long as a sync uses it: another program may use dlt in the same
process, with settings of its own.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from dlt.common.configuration import resolve
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.pipeline import PipelineContext
from dlt.common.runtime.collector import NullCollector
from dlt.common.schema import utils as schema_utils
from dlt.extract import hints
from dlt.pipeline import track
from dlt.pipeline.trace import PipelineStepTrace, PipelineTrace


class Given(ConfigProvider):
    """Settings by their sections and name, for dlt to find beside its files and the environment."""

    def __init__(self, name: str, values: Mapping[tuple[str, ...], Any]) -> None:
        self._name, self._values = name, values

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any, str]:
        return None if pipeline_name else self._values.get((*sections, key)), key

    @property
    def name(self) -> str:
        return self._name

    @property
    def supports_secrets(self) -> bool:
        return False

    @property
    def supports_sections(self) -> bool:
        return True


# not a user's to set
FIXED = Given(
    "what Talkhouse sets",
    {
        ("runtime", "dlthub_telemetry"): False,
        # every row says which load package brought it
        ("normalize", "parquet_normalizer", "add_dlt_load_id"): True,
        # customers' rows are not left in the working folder once they are loaded
        ("load", "delete_completed_jobs"): True,
    },
)
DEFAULTS = Given(
    "what Talkhouse sets where nobody does",
    {
        # dlt's own log lines may quote rows; what went wrong is said by our errors
        ("runtime", "log_level"): "CRITICAL",
        ("load", "workers"): 1,
        # one list after the other: with their batches in turn, several would be held at a time
        ("extract", "next_item_mode"): "fifo",
        ("load", "truncate_staging_dataset"): True,
    },
)


@contextmanager
def dlt_set_up() -> Iterator[None]:
    """While the context lasts, dlt has our settings, does not look for each of them again, and
    tells nobody of what it does.
    """
    run = _run_context()
    active = Container()[PipelineContext]
    theirs = active.pipeline() if active.is_active() else None
    providers, runtime_before = run.providers.providers, run.context.runtime_config
    replaced = [(module, name, getattr(module, name)) for module, name, _ in OURS]
    _forget_if_changed()
    providers.insert(0, FIXED)
    providers.append(DEFAULTS)
    for module, name, ours in OURS:
        setattr(module, name, ours)
    run.context.initialize_runtime()
    try:
        yield
    finally:
        if theirs:
            active.activate(theirs)
        else:
            active.deactivate()
        for module, name, before in replaced:
            setattr(module, name, before)
        providers.remove(FIXED)
        providers.remove(DEFAULTS)
        run.context.initialize_runtime(runtime_before)


def _run_context() -> PluggableRunContext:
    """dlt's; where nobody has used dlt yet, it begins without its telemetry, which it starts once
    and for all.
    """
    container = Container()
    if PluggableRunContext not in container:
        run = PluggableRunContext()
        run.providers.providers.insert(0, FIXED)
        container[PluggableRunContext] = run
        run.providers.providers.remove(FIXED)
    return container[PluggableRunContext]


# what the places of settings answer, for three hundred settings of each package, most of which
# nobody set, is asked once while the environment stays as it is
_resolved = cache(resolve.resolve_single_provider_value)
_environment: dict[str, str] = {}


def _forget_if_changed() -> None:
    if _environment != dict(os.environ):
        _resolved.cache_clear()
        _environment.clear()
        _environment.update(os.environ)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


_validate = hints.validate_dict_ignoring_xkeys  # type: ignore[attr-defined]
_valid = set[str]()


def _validated(spec: Any, doc: Any, path: str) -> None:
    if (described := repr(doc)) not in _valid:
        _validate(spec=spec, doc=doc, path=path)
        _valid.add(described)


def _untracked(category: str, event: str, properties: dict[str, Any]) -> None:
    """In the place of dlt's telemetry, which the program around us may have started."""


OURS: tuple[tuple[Any, str, Any], ...] = (
    (track, "dlthub_telemetry_track", _untracked),
    (resolve, "resolve_single_provider_value", _resolved),
    # the tables of a schema are dictionaries in dictionaries, which need no general copy, and are
    # described alike for each package
    (schema_utils, "deepcopy", _copied),
    (hints, "validate_dict_ignoring_xkeys", _validated),
)


class TraceWithoutRows(NullCollector):
    """Keeps of an error no more than its types in dlt's trace, which is a file: a database's own
    message may quote a row.
    """

    def on_end_trace_step(
        self,
        trace: PipelineTrace,
        step: PipelineStepTrace,
        pipeline: Any,
        step_info: Any,
        send_state: bool,
    ) -> None:
        if step.step_exception:
            types = [str(each["exception_type"]) for each in step.exception_traces or ()]
            trace.steps[-1] = step._replace(
                step_exception=f"{' of '.join(types)}; `talkhouse runs` says more",
                exception_traces=[],
                step_info=None,
            )
