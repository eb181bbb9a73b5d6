"""Stands between a coordinator and a data plane and holds the order to accept back.

usage: holding_relay.py ODP HELD, with the control channel as stdin

A frame is `length u32 | version u16 | descriptors u16`, then the message, whose first byte is its
kind; 1 is the commit. It is passed on when the file HELD is gone, or when the coordinator is; until
then the file HELD.reached tells that it has come.
"""

import os
import select
import socket
import struct
import subprocess
import sys

HEADER = 8
COMMIT = 1
READ = 1 << 16
PEEK = 0.02


def main():
    odp, held = sys.argv[1:]
    above = socket.socket(fileno=0)
    below, of_child = socket.socketpair()
    child = subprocess.Popen([odp, "data-plane"], stdin=of_child.fileno())
    of_child.close()
    inbox, descriptors, commit = b"", [], None
    while True:
        readable, _, _ = select.select([above, below], [], [], PEEK)
        if commit and not os.path.exists(held):
            below.sendall(commit)
            commit = None
        if below in readable:
            data = below.recv(READ)
            if not data:
                sys.exit(child.wait())
            above.sendall(data)
        if above not in readable:
            continue
        data, received, _, _ = socket.recv_fds(above, READ, 32)
        if not data:
            # The order was on its way when the coordinator ended.
            below.sendall(commit or b"")
            os._exit(0)
        inbox += data
        descriptors += received
        while len(inbox) >= HEADER:
            length, _, count = struct.unpack("<IHH", inbox[:HEADER])
            if len(inbox) < HEADER + length:
                break
            frame, inbox = inbox[:HEADER + length], inbox[HEADER + length:]
            if frame[HEADER:HEADER + 1] == bytes([COMMIT]):
                commit = frame
                open(held + ".reached", "w").close()
                continue
            passed, descriptors = descriptors[:count], descriptors[count:]
            sent = socket.send_fds(below, [frame], passed) if passed else 0
            below.sendall(frame[sent:])


main()
