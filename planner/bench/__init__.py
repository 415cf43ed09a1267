"""Measuring a server: load on an OpenAI-compatible endpoint, and what came of it."""
