# SPDX-License-Identifier: Apache-2.0
"""Commands shown in the docs are run: every line `$ brim ...` of a ```console block, as written, in a
folder that has the files the docs speak of. What needs root and has `sudo` in front runs as root only.
"""
import os
import re
import shlex
import subprocess
from pathlib import Path

from brim_cli import BRIM, PAGE, SOURCE, main, page, scratch, write_image

DOCS = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]


def commands():
    for path in DOCS:
        for block in re.findall(r"```console\n(.*?)```", path.read_text(), re.S):
            for line in block.splitlines():
                if re.match(r"\$ (sudo )?brim ", line):
                    yield path.name, line[2:]


def prepared_folder():
    folder = scratch("docs")
    common = [page(i) for i in range(200)]
    load = [bytes(i % 256 for i in range(PAGE))] * 300
    write_image(folder / "vm1.raw", common + load + [bytes(PAGE)] * 100)
    write_image(folder / "vm2.raw", common + load + [page(i) for i in range(500, 600)])
    os.symlink(BRIM, folder / "brim")
    return folder


def test_commands_of_the_docs_run():
    folder = prepared_folder()
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}",
                   "BRIM_STORE": str(folder / "store.sqlite"),
                   "BRIM_STATE_DIR": str(folder / "state")}
    done = 0
    # The README's compare and report speak of runs that exist by then.
    for command in ("brim share scan --image vm1.raw", "brim share scan --image vm1.raw --image vm2.raw"):
        subprocess.run(shlex.split(command), cwd=folder, env=environment, check=True,
                       stdout=subprocess.DEVNULL)
    for name, command in commands():
        if command.startswith("sudo "):
            if os.geteuid() != 0:
                continue
            command = command[5:]
        result = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, timeout=300,
                                capture_output=True, text=True)
        # 1: a process that ended while it was read.
        assert result.returncode in (0, 1), f"{name}: {command}: {result.returncode}: {result.stderr}"
        done += 1
    assert done >= 5, f"only {done} commands found in the docs"


if __name__ == "__main__":
    main(globals())
