"""Rate limits counted in fixed windows of the real clock, as rack-attack counts them."""

from __future__ import annotations

import time


class Window:
    """So many requests in each window of `seconds`; windows start at whole multiples of it."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.window = 0
        self.used = 0

    def left(self, limit: int) -> int:
        """Counts a request; how many more the window allows, negative when it was one too many."""
        window = int(time.time()) // self.seconds
        if window != self.window:
            self.window, self.used = window, 0
        self.used += 1
        return limit - self.used
