"""Tests of common/network."""
