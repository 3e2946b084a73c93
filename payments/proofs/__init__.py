"""Proofs that the books add up: each one statement that finds the rows which do not, and says what to do about them."""

from payments.proofs.base import Finding, Proof
from payments.proofs.run import ALL, prove_books, tell_staff_of_books

__all__ = ["ALL", "Finding", "Proof", "prove_books", "tell_staff_of_books"]
