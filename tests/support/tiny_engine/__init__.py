"""A real engine for the tests: llama.cpp on a tiny Qwen3 that is written here."""
