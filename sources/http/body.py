"""What can go wrong below HTTP: no connection, and a body that is larger or slower than any should
be. A provider is not trusted with our memory, nor with our time.
"""

import socket
import ssl
import time
import zlib
from collections.abc import Iterator

import httpx

from talkhouse.sources.http.errors import BadAnswer, Refused, SourceError, Unavailable, Unreachable

LARGEST_ANSWER_BYTES = 256 * 1024 * 1024
LONGEST_ANSWER_SECONDS = 300.0
# zlib's own sign that a gzip header is to be there
GZIP = 16 + zlib.MAX_WBITS
# the one compression that is asked for, and undone: httpx would undo one upon another, of which a
# kilobyte may hold gigabytes
ACCEPT_ENCODING = "gzip"


def read_capped(response: httpx.Response, what: str) -> bytes:
    """The body. Raises Refused if it is larger than any should be, Unavailable if it takes too long
    or BadAnswer if it is not compressed as it says.
    """
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", ACCEPT_ENCODING):
        raise Refused(f"{what} answered in an encoding that was not asked for")
    body, size = [], 0
    raw = _in_time(response, what)
    for part in raw if encoding == "identity" else _inflated(raw, what):
        size += len(part)
        if size > LARGEST_ANSWER_BYTES:
            raise Refused(f"{what} answered more than {LARGEST_ANSWER_BYTES} bytes")
        body.append(part)
    return b"".join(body)


def _in_time(response: httpx.Response, what: str) -> Iterator[bytes]:
    deadline = time.monotonic() + LONGEST_ANSWER_SECONDS
    for chunk in response.iter_raw():
        if time.monotonic() > deadline:
            raise Unavailable(f"{what} was still answering after {LONGEST_ANSWER_SECONDS:.0f} s")
        yield chunk


def _inflated(chunks: Iterator[bytes], what: str) -> Iterator[bytes]:
    """What was compressed, never more of it at a time than a body may be."""
    inflate = zlib.decompressobj(GZIP)
    try:
        for chunk in chunks:
            yield inflate.decompress(chunk, LARGEST_ANSWER_BYTES + 1)
            if inflate.unused_data:
                raise BadAnswer(f"{what} went on answering after the end of what it compressed")
    except zlib.error:
        raise BadAnswer(f"{what} answered what is not compressed as it says") from None


def failure_of(error: httpx.HTTPError, what: str) -> SourceError:
    """What a failure on the way means. Its own text may hold the address, so it is not told."""
    said = f"{what} failed: {type(error).__name__}"
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Unavailable(said)
    cause: BaseException = error
    while cause.__context__:
        cause = cause.__context__
    match cause:
        case socket.gaierror():
            why, remedy = "the host's name is not known", "check base_url, and this machine's DNS"
        case ssl.SSLCertVerificationError():
            why = f"its certificate is not trusted ({cause.verify_message})"
            remedy = "check base_url; for an authority of your own, name its file in SSL_CERT_FILE"
        case ssl.SSLError():
            why, remedy = "no TLS could be agreed upon", "check base_url, its port and its https"
        case ConnectionRefusedError():
            why, remedy = "the host refuses connections", "check base_url, and whether it is up"
        case _:
            return Unreachable(said)
    return Unreachable(f"{said}, {why}", remedy)
