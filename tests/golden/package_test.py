# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what is in it, what it needs, and that the program in it runs."""
import os
import re
import subprocess
import tempfile
from pathlib import Path

from brim_cli import main, run

BUILD = Path(os.environ["BRIM_BUILD"])


def told(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def test_package_holds_all_and_runs():
    with tempfile.TemporaryDirectory() as folder:
        told("cpack", "--config", str(BUILD / "CPackConfig.cmake"), "-B", folder)
        (package,) = Path(folder).glob("brim_*.deb")
        root = Path(folder) / "root"
        told("dpkg-deb", "-x", str(package), str(root))
        files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
        assert all(name.startswith("usr/") for name in files), files
        for name in ("usr/bin/brim", "usr/share/man/man1/brim-share-scan.1.gz",
                     "usr/share/bash-completion/completions/brim", "usr/share/doc/brim/copyright",
                     "usr/lib/systemd/system/brim-guard.service"):
            assert name in files or name.removesuffix(".gz") in files, (name, files)
        assert any(name.startswith("usr/share/brim/schemas/") for name in files), files
        assert not any("test" in name or "bench" in name for name in files), files
        needs = told("dpkg-deb", "-f", str(package), "Depends")
        for library in ("libc6", "libfmt9", "libkdumpfile10", "libsoci-core4.0", "libzstd1"):
            assert library in needs, needs
        assert "mpi" not in needs, needs
        # Present where there was an MPI to build with.
        for package in Path(folder).glob("brim-mpi_*.deb"):
            told("dpkg-deb", "-x", str(package), str(root))
            assert (root / "usr/lib/brim/libbrim-mpi.so").exists()
            needs = told("dpkg-deb", "-f", str(package), "Depends")
            assert "libopenmpi3" in needs and "brim (=" in needs, needs
        # What the unit runs is in the package, and its commands are brim's.
        unit = (root / "usr/lib/systemd/system/brim-guard.service").read_text()
        commands = re.findall(r"^Exec\w+=(\S+) (\S+)", unit, re.M)
        assert commands == [("/usr/bin/brim", "guard"), ("/usr/bin/brim", "restore")], commands
        for program, command in commands:
            told(str(root / program.lstrip("/")), command, "--help")
        version = told(str(root / "usr/bin/brim"), "--version")
        assert version == run("--version").stdout, version


if __name__ == "__main__":
    main(globals())
