"""Compiled kernels: plain arrays in and out. Nothing here imports anything else of cotrace."""
