"""dlt, set up as Talkhouse needs it. Import this before a pipeline is made.

These are not a user's to set in `.dlt/config.toml`, which the environment outranks.
"""

import gc
import os
from functools import cache
from typing import Any

from dlt.common.configuration import resolve
from dlt.common.runtime.collector import NullCollector
from dlt.common.runtime.run_context import active
from dlt.common.schema import utils as schema_utils
from dlt.extract import hints
from dlt.pipeline.trace import PipelineStepTrace, PipelineTrace

os.environ.update(
    RUNTIME__DLTHUB_TELEMETRY="false",
    # every row says which load package brought it
    NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID="true",
    # customers' rows are not left in the working folder once they are loaded
    LOAD__DELETE_COMPLETED_JOBS="true",
)
# dlt's own log lines may quote rows; what went wrong is said by our errors
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
os.environ.setdefault("LOAD__WORKERS", "1")
# one list after the other: with their batches in turn, several would be held at a time
os.environ.setdefault("EXTRACT__NEXT_ITEM_MODE", "fifo")
os.environ.setdefault("LOAD__TRUNCATE_STAGING_DATASET", "true")
# what the places of settings answer, for three hundred settings of each package, most of which
# nobody set, is asked once in a process
resolve.resolve_single_provider_value = cache(  # type: ignore[assignment]
    resolve.resolve_single_provider_value
)
active().initialize_runtime()


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


_validate, _valid = hints.validate_dict_ignoring_xkeys, set[str]()  # type: ignore[attr-defined]


def _validated(spec: Any, doc: Any, path: str) -> None:
    if (described := repr(doc)) not in _valid:
        _validate(spec=spec, doc=doc, path=path)
        _valid.add(described)


# the tables of a schema are dictionaries in dictionaries, which need no general copy, and are
# described alike for each package
schema_utils.deepcopy = _copied  # type: ignore[attr-defined, assignment]
hints.validate_dict_ignoring_xkeys = _validated  # type: ignore[attr-defined, assignment]

# what the imports made stays for good: without this the collector walks it again and again
gc.freeze()
gc.set_threshold(2_000, 10, 10)


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
