"""Chaos, measured: people pay while messages are lost, programs are killed and the database falls over."""
