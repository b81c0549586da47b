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
# a package asks for some three hundred settings, most of which nobody set, again and again: what
# the places of settings answer is asked once in a process
resolve.resolve_single_provider_value = cache(  # type: ignore[assignment]
    resolve.resolve_single_provider_value
)
active().initialize_runtime()

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
