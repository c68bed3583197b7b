"""Tests on real sockets, real databases and real servers."""
