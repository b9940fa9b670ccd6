"""Verifies one password again and again on a few threads; prints verifications a second.

Run: python -m tests.load.baselines.argon2_threads HASH THREADS SECONDS, the password on stdin.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher


def verify_until(end: float, password_hash: str, password: str) -> int:
    hasher, count = PasswordHasher(), 0
    while time.perf_counter() < end:
        hasher.verify(password_hash, password)
        count += 1
    return count


def main(password_hash: str, threads: int, seconds: float) -> None:
    password, began = sys.stdin.read(), time.perf_counter()
    end = began + seconds
    with ThreadPoolExecutor(threads) as pool:
        counts = pool.map(lambda _: verify_until(end, password_hash, password), range(threads))
        total = sum(counts)
    print(total / (time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
