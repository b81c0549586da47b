"""A mail server on this machine: as much of SMTP as a client that sends needs, with TLS."""

import base64
import re
import socketserver
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

USER, PASSWORD = "talkhouse", "a-mail-password"


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail, from those who log in where it has TLS; `mails` are those that came."""

    def __init__(self, security: str, folder: Path) -> None:
        self.mails: list[str] = []
        self.security = security
        self.certificate = folder / "certificate.pem"
        key = folder / "key.pem"
        if security != "none":
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
                + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
                + ["-addext", "keyUsage=digitalSignature,keyCertSign"]
                + ["-keyout", str(key), "-out", str(self.certificate)],
                check=True,
                capture_output=True,
            )
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(self.certificate, key)
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that does not trust the certificate hangs up


class Handler(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        secured = self.server.security == "tls"
        if secured:
            self.secure()
        trusted = self.server.security == "none"
        self.say("220 ready")
        while command := self.rfile.readline().decode().strip():
            verb = command.split()[0].upper()
            if verb == "EHLO":
                self.say("250-here")
                self.say("250 AUTH PLAIN" if secured else "250 STARTTLS")
            elif verb == "STARTTLS":
                self.say("220 go on")
                self.secure()
                secured = True
            elif verb == "AUTH":
                given = base64.b64decode(command.split()[2]).decode().split("\0")
                trusted = secured and given[1:] == [USER, PASSWORD]
                self.say("235 welcome" if trusted else "535 no")
            elif verb == "DATA" and trusted:
                self.say("354 go on")
                self.server.mails.append(self.body())
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok" if trusted else "530 log in")

    def secure(self) -> None:
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def body(self) -> str:
        lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
        return re.sub(r"\r\n", "\n", "".join(lines))


@contextmanager
def mail_server(security: str, folder: Path) -> Iterator[MailServer]:
    with MailServer(security, folder) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
