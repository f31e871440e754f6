#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes well-formed inputs for the host_* fuzz targets: host_seeds.py FOLDER makes
FOLDER/host_text, from the recorded hosts of the tests, and FOLDER/host_control."""

import os
import sys

HOSTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "hosts")
LARGEST = 16384  # libFuzzer makes no input longer than the longest seed: keep them quick to parse

# The first byte of an input, by the name of the file its parser reads (host_text.cpp).
TEXTS = {
    "maps": 0, "smaps": 1, "smaps_rollup": 2, "stat": 3, "status": 4, "ksm_stat": 5, "cgroup": 6,
    "mounts": 7, "memory": 8, "io": 8, "memory.pressure": 8, "meminfo": 9, "enabled": 10,
    "defrag": 10, "advisor_mode": 10,
}


def texts():
    seeds = {}
    for folder, _, names in os.walk(HOSTS):
        for name in sorted(set(names) & TEXTS.keys()):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read(LARGEST + 1)
            if len(content) <= LARGEST:
                seeds[os.path.relpath(path, HOSTS).replace(os.sep, "_")] = (
                    bytes([TEXTS[name]]) + content)
    return seeds


def words(*arguments):
    return b"\0".join(argument.encode() for argument in arguments) + b"\0"


GREETING = (b'{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, '
            b'"capabilities": ["oob"]}}\r\n')
ENTRY = b"""{"schema": 2, "root": "/", "path": "/sys/kernel/mm/ksm/run", "old_value": "0",
"asked_value": "1", "new_value": "1", "boot_id": "6b9ac06a-0e3f-4b8f-8f5a-1d3ab0f51c5e", "pid": 42, "start_ticks": 7}"""

# The first byte as in host_control.cpp.
CONTROL = {
    "arguments": b"\0" + words(
        "-name", "guest=web,,1,debug-threads=on", "-m", "size=4194304k,slots=16,maxmem=1T",
        "-object", "memory-backend-memfd,id=ram,size=4G,share=off,merge=off",
        "-machine", "q35,memory-backend=ram,mem-merge=off", "-mem-path", "/dev/hugepages",
        "-numa", "node,memdev=ram", "-device", "pc-dimm,memdev=ram", "-uuid", "1-2",
        "-chardev", "socket,id=monitor,path=/run/m.sock,server=on,wait=off",
        "-mon", "chardev=monitor,mode=control", "-qmp", "unix:/run/q.sock,server,nowait"),
    "arguments_json": b"\0" + words(
        "-object", '{"qom-type":"memory-backend-ram","id":"ram","size":4294967296}',
        "-machine", '{"type":"q35","memory":{"size":"4G"},"memory-backend":"ram"}',
        "-chardev", '{"backend":"socket","id":"m","path":"/run/m","server":true,"wait":false}',
        "-mon", '{"chardev":"m","mode":"control"}'),
    "size": b"\x011.5G",
    "size_hexadecimal": b"\x010x8000",
    "stream": b"\x02" + GREETING + b'{"return": {"a": ["}", "\\"{", 1]}}\n',
    "monitor": b"\x03" + GREETING + b'{"return": {}, "id": "brim-1"}\n'
               b'{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}\n'
               b'{"error": {"class": "GenericError", "desc": "no"}, "id": "brim-2"}\n',
    "entry": b"\x04" + ENTRY,
    "entry_of_schema_1": b"\x04" + ENTRY.replace(b'"schema": 2, "root": "/"', b'"schema": 1'),
    "values_choice": b"\x05none [scan-time]\0scan-time",
    "values_number": b"\x05-0x10\0-16",
    "values_truth": b"\x05Y\0" b"1",
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, files in {"host_text": texts(), "host_control": CONTROL}.items():
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)


if __name__ == "__main__":
    main()
