# SPDX-License-Identifier: Apache-2.0
"""Helpers of the command-line tests: run brim, make images, check against the shipped schemas."""
import atexit
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import jsonschema

SOURCE = Path(__file__).resolve().parents[2]
BRIM = os.environ.get("BRIM", str(SOURCE / "build/release/bin/brim"))
PAGE = 4096


def run(*arguments, status=0, **options):
    """Runs brim; fails unless its exit status is as expected (None: any). Returns the process."""
    done = subprocess.run([BRIM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          **options)
    assert status is None or done.returncode == status, (
        f"brim {' '.join(map(str, arguments))}: status {done.returncode}, expected {status}\n"
        f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done


def run_json(schema, *arguments, **options):
    """Runs brim with --format json and validates what it prints."""
    value = json.loads(run(*arguments, "--format", "json", **options).stdout)
    text = (SOURCE / "data/schemas" / f"{schema}.schema.json").read_text()
    jsonschema.Draft202012Validator(json.loads(text)).validate(value)
    return value


def scratch(name):
    """A folder of the test's own, gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"brim-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def one_line(done):
    """Asserts that an error is one line on standard error, and returns it."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("brim: "), done.stderr
    assert done.stdout == "", done.stdout
    return lines[0]


def page(number):
    """A page of its own, not compressible."""
    return random.Random(number).randbytes(PAGE)


def write_image(path, pages, tail=b""):
    Path(path).write_bytes(b"".join(pages) + tail)
    return path


def main(tests):
    """Runs the functions named test_*; prints a line each. What raises unittest.SkipTest with its
    reason is neither passed nor failed; under CI=true it is failed."""
    failed = skipped = 0
    names = [name for name in tests if name.startswith("test_")]
    for name in names:
        try:
            tests[name]()
            print(f"ok {name}", flush=True)
        except unittest.SkipTest as reason:
            skipped += 1
            print(f"skipped {name}: {reason}", flush=True)
        except Exception as error:  # noqa: BLE001: a test may fail in any way
            failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(names) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or (skipped and os.environ.get("CI") == "true") else 0)
