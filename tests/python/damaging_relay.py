"""Stands between a coordinator and a data plane and damages the snapshot on its way.

usage: damaging_relay.py ODP, with the control channel as stdin

A frame is `length u32 | version u16 | descriptors u16`, then the message, whose first byte is its
kind; 5 is a part of the snapshot.
"""

import select
import socket
import struct
import subprocess
import sys

HEADER = 8
SNAPSHOT = 5
READ = 1 << 16


def damaged(body):
    """Inverts everything but the kind and the length of the part."""
    if body[:1] != bytes([SNAPSHOT]):
        return body
    return body[:4] + bytes(byte ^ 0xFF for byte in body[4:])


def main():
    above = socket.socket(fileno=0)
    below, of_child = socket.socketpair()
    child = subprocess.Popen([sys.argv[1], "data-plane"], stdin=of_child.fileno())
    of_child.close()
    inbox, descriptors = b"", []
    while True:
        readable, _, _ = select.select([above, below], [], [])
        if below in readable:
            data = below.recv(READ)
            if not data:
                break
            above.sendall(data)
        if above in readable:
            data, received, _, _ = socket.recv_fds(above, READ, 32)
            if not data:
                break
            inbox += data
            descriptors += received
            while len(inbox) >= HEADER:
                length, _, count = struct.unpack("<IHH", inbox[:HEADER])
                if len(inbox) < HEADER + length:
                    break
                frame = inbox[:HEADER] + damaged(inbox[HEADER:HEADER + length])
                inbox = inbox[HEADER + length:]
                passed, descriptors = descriptors[:count], descriptors[count:]
                sent = socket.send_fds(below, [frame], passed) if passed else 0
                below.sendall(frame[sent:])
    child.kill()
    sys.exit(child.wait())


main()
