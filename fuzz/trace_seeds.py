#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small well-formed inputs for the fuzz target trace: trace_seeds.py FOLDER makes
FOLDER/trace."""

import gzip
import lzma
import os
import struct
import sys

PAGES = b"# pages\n7\n0x1f w\n\n18446744073709551615 r\n"
LACKEY = b"==42== Lackey\nI  04001000,3\n L 1ffe,8\n S 3000,8\n M 5008,4\n==42== \n"
CSV = b'time,"page",write\n1,5,r\n2,"0x10",store\n\n3,7,0\n'
ADDRESSES = b"address;note\n4096;a\n0x2000;\"b;\"\"c\"\n"
ORACLE = b"".join(struct.pack("<IQIq", *record) for record in ((1, 5, 512, 2), (2, 6, 1, -1), (3, 5, 0, -1)))
CHAMPSIM = b"".join(struct.pack("<Q8x6Q", *record)
                    for record in ((0x401000, 0x7008, 0, 0x1000, 0, 0x2000, 0), (0x401003, 0, 0, 0, 0, 0, 0)))

# The first byte: the format; more by 5 with instructions, by 10 with pages of 16 bytes (trace.cpp).
SEEDS = {
    "pages": b"\0" + PAGES,
    "pages_gzip": b"\0" + gzip.compress(PAGES, mtime=0),
    "lackey": b"\x01" + LACKEY,
    "lackey_instructions": b"\x06" + LACKEY,
    "lackey_small_pages": b"\x0b" + LACKEY,
    "lackey_xz": b"\x01" + lzma.compress(LACKEY),
    "csv": b"\x02" + CSV,
    "csv_addresses": b"\x02" + ADDRESSES,
    "oracle_general": b"\x03" + ORACLE,
    "champsim": b"\x04" + CHAMPSIM,
    "champsim_instructions": b"\x09" + CHAMPSIM,
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = os.path.join(sys.argv[1], "trace")
    os.makedirs(folder, exist_ok=True)
    for name, content in SEEDS.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
