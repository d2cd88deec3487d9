"""Databases of these tests are given back."""

from tests.access.making import close_houses as close_houses
