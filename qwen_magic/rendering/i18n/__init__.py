"""Translated messages."""
