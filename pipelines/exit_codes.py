"""What commands exit with."""

# 75 is sysexits.h's EX_TEMPFAIL: try again later
FAILED, MISUSED, BUSY, INTERRUPTED = 1, 2, 75, 130
