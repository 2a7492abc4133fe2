"""Clients that behave like browsers and never retry, and a tally of what became of each request."""

from pba_hack.traffic.client import Answer, Client, RequestFailedError
from pba_hack.traffic.load import Load
from pba_hack.traffic.tally import Tally

__all__ = ["Answer", "Client", "Load", "RequestFailedError", "Tally"]
