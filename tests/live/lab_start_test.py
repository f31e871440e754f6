# SPDX-License-Identifier: Apache-2.0
"""brim lab start as its user meets it: guests that come, work, and go at Ctrl-C; a kernel of the user's own
with his initramfs. What `brim lab prepare` made is in $BRIM_LAB_CACHE, else in brim's own cache for root.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
from brim_cli import BRIM, main, run_json, scratch  # noqa: E402

CACHE = Path(os.environ.get("BRIM_LAB_CACHE", "/var/cache/brim"))
WORK = scratch("start")
os.environ["BRIM_STATE_DIR"] = str(WORK / "state")


def test_guests_come_work_and_go_at_ctrl_c():
    process = subprocess.Popen(
        [BRIM, "lab", "start", "--cache", CACHE, "--kernel", "6.1-cloud", "--count", "2", "--every", "1s",
         "--load", "bytes=16MiB,write_rate=1/32,pause=500ms", "--format", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pids = []
    for line in process.stderr:  # until both have done a few cycles
        if "is ready" in line:
            pids.append(int(line.rsplit("pid ", 1)[1]))
        if line.count(" cycles") == 2 and " 0 cycles" not in line:
            break
    assert len(pids) == 2 and all(Path(f"/proc/{pid}").exists() for pid in pids), pids
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, (process.returncode, errors)
    result = json.loads(out)
    assert [guest["pid"] for guest in result["guests"]] == pids
    for guest in result["guests"]:
        assert guest["load"]["cycles"] >= 1 and guest["load"]["writes"] >= 128, guest
        assert guest["resident_bytes"] > 64 << 20, guest
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "guests outlive brim"
    assert not list((WORK / "state/guests").iterdir()), "a record of a guest is left"


def newc(entries):
    """A cpio archive as the kernel unpacks it: (name, mode, bytes) of each."""
    archive = b""
    for name, mode, data in [*entries, ("TRAILER!!!", 0, b"")]:
        fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        archive += header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)
    return archive


def files_in(archive):
    """Name and bytes of the files of such an archive, in order."""
    files, at = {}, 0
    while True:
        size, length = (int(archive[at + i:at + i + 8], 16) for i in (54, 94))
        name = archive[at + 110:at + 109 + length].decode()
        if name == "TRAILER!!!":
            return files
        at += 110 + length
        at += -at % 4
        files[name] = archive[at:at + size]
        at += size + -size % 4


def users_initramfs():
    """As distributions make them: modules and modules.dep in /lib/modules, an /init of its own."""
    made = files_in((CACHE / "kernel-6.1-cloud.modules.cpio").read_bytes())
    release = (CACHE / "kernel-6.1-cloud.packages").read_text().split("linux-image-")[1].split("_")[0]
    tree = f"lib/modules/{release}"
    order = [line.rsplit("/", 1)[1] for line in made["lib/brim/modules.list"].decode().split()]
    entries = [(name, 0o40755, b"") for name in ("lib", "lib/modules", tree)]
    entries += [(f"{tree}/{name}", 0o100644, made[f"lib/brim/{name}"]) for name in order]
    # Each needs all before it, the nearest first.
    dependencies = "".join(f"{name}: {' '.join(reversed(order[:i]))}\n" for i, name in enumerate(order))
    entries.append((f"{tree}/modules.dep", 0o100644, dependencies.encode()))
    entries.append(("init", 0o100755, b"#!/bin/sh\necho not the agent\n"))
    return newc(entries)


def test_a_kernel_and_an_initramfs_of_the_user_s():
    (WORK / "initrd").write_bytes(users_initramfs())
    result = run_json("lab-start", "lab", "start", "--cache", CACHE, "--kernel",
                      CACHE / "kernel-6.1-cloud.vmlinux", "--initrd", WORK / "initrd", "--for", "2s",
                      "--load", "bytes=8MiB")
    (guest,) = result["guests"]
    assert guest["kernel"].startswith("6.1.") and guest["load"]["filled"], guest


if __name__ == "__main__":
    if os.geteuid() != 0 or not (CACHE / "initramfs.cpio").exists() or not shutil.which("qemu-system-x86_64"):
        print("SKIP: needs root, QEMU and what `brim lab prepare` makes")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    main(globals())
