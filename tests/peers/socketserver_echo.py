#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Echo as Python's manual teaches it, to be graded: PORT is its one word."""
import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)


socketserver.ThreadingTCPServer.allow_reuse_address = True
where = ("127.0.0.1", int(sys.argv[1]))
with socketserver.ThreadingTCPServer(where, Echo) as server:
    server.serve_forever()
