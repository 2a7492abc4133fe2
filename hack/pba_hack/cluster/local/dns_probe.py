"""Asks a name server one question: whether pods get answers."""

import secrets
import socket
import struct

__all__ = ["resolves"]

PORT = 53
_A_RECORD_IN = struct.pack(">HH", 1, 1)


def resolves(server: str, name: str, seconds: float = 1.0) -> bool:
    """Whether the server has an address for the name (RFC 1035, section 4), asked by UDP.

    Raises:
        OSError: No answer in time.
    """
    number = secrets.randbits(16)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + _A_RECORD_IN
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        asking.connect((server, PORT))
        asking.send(question)
        answer = asking.recv(4096)
    got, flags, _, answers = struct.unpack(">HHHH", answer[:8])
    return bool(got == number and flags & 0x000F == 0 and answers > 0)
