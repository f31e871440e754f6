#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small well-formed inputs for the image_* fuzz targets: image_seeds.py FOLDER makes
FOLDER/image_elf, FOLDER/image_flattened, FOLDER/image_kdump and FOLDER/image_detect."""

import os
import struct
import sys

PAGE = 4096


def elf(bits, segments, extended=False):
    """segments: (address, content, memory size)."""
    header_format, program_format, section_size = (
        ("<16sHHIQQQIHHHHHH", "<IIQQQQQQ", 64) if bits == 64 else ("<16sHHIIIIIHHHHHH", "<IIIIIIII", 40))
    header_size = struct.calcsize(header_format)
    program_size = struct.calcsize(program_format)
    table = header_size + section_size
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1, 1]) + bytes(9)
    count = 0xFFFF if extended else len(segments)
    out = struct.pack(header_format, ident, 4, 62, 1, 0, table, header_size, 0, header_size,
                      program_size, count, section_size, 1, 0)
    section = bytearray(section_size)
    struct.pack_into("<I", section, 44 if bits == 64 else 28, len(segments))
    out += bytes(section)
    offset = table + program_size * len(segments)
    for address, content, memory in segments:
        if bits == 64:
            fields = (1, 4, offset, 0, address, len(content), memory, 0)
        else:
            fields = (1, offset, 0, address, len(content), memory, 4, 0)
        out += struct.pack(program_format, *fields)
        offset += len(content)
    return out + b"".join(content for _, content, _ in segments)


def flattened(records):
    out = b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1)
    out = out.ljust(PAGE, b"\0")
    for offset, content in records:
        out += struct.pack(">qq", offset, len(content)) + content
    return out + struct.pack(">qq", -1, -1)


def kdump(bits):
    header = bytearray(PAGE)
    header[:8] = b"KDUMP   "
    struct.pack_into("<I", header, 8, 6)
    struct.pack_into("<IIII", header, 428 if bits == 64 else 416, PAGE, 1, 2, 8)
    bitmap = b"\x01".ljust(PAGE, b"\0")
    data = 5 * PAGE
    descriptor = struct.pack("<QIIQ", data, 4, 1, 0).ljust(PAGE, b"\0")
    return bytes(header) + bytes(PAGE) + bitmap * 2 + descriptor + b"page"


SEEDS = {
    "image_elf": {
        "elf64": elf(64, [(0, b"a" * 64, 64), (4096, b"b" * 64, 8192)]),
        "elf64_extended": elf(64, [(0, b"a" * 64, 64)], extended=True),
        "elf64_adjacent": elf(64, [(0, b"a" * 64, 64), (64, b"b" * 64, 64)]),
        "elf32": elf(32, [(0, b"a" * 64, 64), (65536, b"", 4096)]),
    },
    "image_flattened": {
        "two": flattened([(100, b"second"), (0, b"first")]),
        "empty": flattened([]),
    },
    "image_kdump": {
        "kdump64": kdump(64),
        "kdump32": kdump(32),
    },
    "image_detect": {
        "elf": elf(64, [(0, b"a", 1)])[:64],
        "qcow2": b"QFI\xfb",
        "xen": b"\xff" * 8 + b"XENF",
        "kdump": b"KDUMP   ",
    },
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, files in SEEDS.items():
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)


if __name__ == "__main__":
    main()
