#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The smallest echo server on Python's selectors, to be measured beside ours.
No options: it listens on a free port of 127.0.0.1 and prints which."""
import selectors
import socket

selector = selectors.DefaultSelector()
unsent = {}


def knocked(listener, _mask):
    client, _ = listener.accept()
    client.setblocking(False)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector.register(client, selectors.EVENT_READ, talk)


def drop(client):
    unsent.pop(client, None)
    selector.unregister(client)
    client.close()


def talk(client, mask):
    """A client with an unsent rest is not read from."""
    try:
        data = unsent.pop(client, None) or client.recv(16384)
        if not data:
            drop(client)
            return
        sent = client.send(data)
    except BlockingIOError:
        return
    except OSError:
        drop(client)
        return
    if sent < len(data):
        unsent[client] = data[sent:]
        selector.modify(client, selectors.EVENT_WRITE, talk)
    elif mask & selectors.EVENT_WRITE:
        selector.modify(client, selectors.EVENT_READ, talk)


server = socket.create_server(("127.0.0.1", 0), backlog=4096)
server.setblocking(False)
selector.register(server, selectors.EVENT_READ, knocked)
print("listening on 127.0.0.1:%d (selectors)" % server.getsockname()[1],
      flush=True)
while True:
    for key, events in selector.select():
        key.data(key.fileobj, events)
