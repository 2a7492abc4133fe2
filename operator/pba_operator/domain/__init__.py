"""Deciding, apart from acting: no clock, no network, no randomness; the standard library and `pba_api` only."""
