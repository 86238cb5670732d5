"""A proxy between bfl and a PostgreSQL server that understands just enough of the protocol to do harm at a chosen message.

Messages of the client are counted over all connections; a plan says what happens at which. `cut` closes both sides and nothing
of the message arrives; `cut_behind` lets it through and closes at once, so that the server does it and nobody hears; `lose`
lets it through, waits until the server has answered, and closes without passing the answer on; `delay` passes the answer on late.
"""
import re
import socket
import threading
import time
import urllib.parse

CUT, CUT_BEHIND, LOSE, DELAY = "cut", "cut_behind", "lose", "delay"
DELAY_SECONDS = 0.4


def address_of(url):
    parts = urllib.parse.urlparse(url)
    return parts.hostname, parts.port


def received(connection, count):
    text = b""
    while len(text) < count:
        more = connection.recv(count - len(text))
        if not more:
            raise ConnectionError("closed")
        text += more
    return text


class Proxy:
    def __init__(self, server):
        self.server = address_of(server)
        self.plan = lambda number, kind, body: None
        self.lock = threading.Lock()
        self.messages = self.commits = self.connections = 0
        self.done = []                    # the harm, as it was done
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = server.replace(f"{self.server[0]}:{self.server[1]}", f"127.0.0.1:{self.listener.getsockname()[1]}") + "?sslmode=disable&gssencmode=disable"
        threading.Thread(target=self.accept, daemon=True).start()

    def route(self, server):
        """Connections from now on lead elsewhere."""
        self.server = address_of(server)

    def close(self):
        self.listener.close()
        self.cut_all()

    def cut_all(self):
        for connection in list(self.open):
            self.shut(connection)

    def shut(self, connection):
        self.open.discard(connection)
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        connection.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.server)
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.open.add(side)
            self.connections += 1
            link = Link(self, client, server)
            threading.Thread(target=link.from_client, daemon=True).start()
            threading.Thread(target=link.from_server, daemon=True).start()


class Link:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.silent = False               # what the server says is not passed on
        self.wait = 0.0
        self.answered = threading.Event()

    def from_client(self):
        try:
            head = received(self.client, 4)  # the first message has no kind
            self.server.sendall(head + received(self.client, int.from_bytes(head, "big") - 4))
            while True:
                kind = received(self.client, 1)
                length = received(self.client, 4)
                self.pass_on(kind, kind + length + received(self.client, int.from_bytes(length, "big") - 4))
        except OSError:
            self.end()

    def pass_on(self, kind, message):
        proxy = self.proxy
        with proxy.lock:
            proxy.messages += 1
            number = proxy.messages
            commit = kind in b"QP" and re.search(rb"COMMIT(?: /\*[^\0]*\*/)?\0", message) is not None
            proxy.commits += commit
            harm = proxy.plan(number, proxy.commits if commit else 0, message)
            if harm:
                proxy.done.append((number, harm, kind + message[5:60]))
        if harm == CUT:
            self.end()
        elif harm == CUT_BEHIND:
            self.silent = True
            self.server.sendall(message)
            self.end()
        elif harm == LOSE:
            self.silent = True
            self.answered.clear()
            self.server.sendall(message)
            self.answered.wait(10)
            self.end()
        else:
            self.wait = DELAY_SECONDS if harm == DELAY else 0.0
            self.server.sendall(message)

    def from_server(self):
        try:
            while text := self.server.recv(1 << 16):
                self.answered.set()
                if self.wait:
                    time.sleep(self.wait)
                    self.wait = 0.0
                if not self.silent:
                    self.client.sendall(text)
        except OSError:
            pass
        self.end()

    def end(self):
        self.proxy.shut(self.client)
        self.proxy.shut(self.server)
