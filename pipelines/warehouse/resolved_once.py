"""What keeps dlt from resolving a destination again and again."""

from typing import Any


class ResolvedOnce:
    """For a destination: it resolves its configuration once, and makes its capabilities once for
    each naming. dlt asks for both some sixty times for each package.
    """

    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        if initial_config and initial_config.is_resolved():
            return initial_config
        return super().configuration(initial_config, accept_partial)  # type: ignore[misc]

    def capabilities(self, config: Any = None, naming: Any = None) -> Any:
        if config:
            return super().capabilities(config, naming)  # type: ignore[misc]
        known = self.__dict__.setdefault("_capabilities", {})
        name = naming.name() if naming else ""
        if name not in known:
            known[name] = super().capabilities(None, naming)  # type: ignore[misc]
        return known[name].copy()
