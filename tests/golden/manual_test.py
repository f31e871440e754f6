# SPDX-License-Identifier: Apache-2.0
"""Man pages and completion, generated from the declared options."""
import os
import subprocess
from pathlib import Path

from brim_cli import main, run

MANUAL = Path(os.environ["BRIM_BUILD"]) / "manual"


def test_every_command_has_a_page_that_man_accepts():
    pages = sorted(p.name for p in MANUAL.glob("*.1"))
    for name in ("brim.1", "brim-share-scan.1", "brim-doctor.1", "brim-restore.1", "brim-runs.1",
                 "brim-report.1", "brim-export.1", "brim-compare.1", "brim-list.1"):
        assert name in pages, pages
    for name in pages:
        done = subprocess.run(["man", "--warnings", "-l", str(MANUAL / name)], capture_output=True,
                              text=True, env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "80"})
        assert done.returncode == 0 and done.stderr == "", (name, done.stderr)
        assert "EXIT STATUS" in done.stdout, name


def test_every_option_of_the_help_is_in_the_page():
    text = run("share", "scan", "--help").stdout
    page = (MANUAL / "brim-share-scan.1").read_text().replace("\\-", "-")
    options = [word.strip(",") for line in text.splitlines() if line.strip().startswith("-")
               for word in line.split()[:1]]
    options = [name.split(",")[-1] for name in options]
    assert len(options) > 20, options
    for name in options:
        assert name in page, name


def complete(*words):
    script = (f"source {MANUAL / 'brim.bash'}; COMP_WORDS=({' '.join(repr(w) for w in words)}); "
              f"COMP_CWORD={len(words) - 1}; _brim; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=MANUAL)
    assert done.stderr == "", done.stderr
    return done.stdout.split()


def test_completion_knows_commands_options_and_values():
    assert "doctor" in complete("brim", "") and "share" in complete("brim", "s")
    assert complete("brim", "share", "sc") == ["scan"]
    assert "--second-look" in complete("brim", "share", "scan", "--se")
    assert sorted(complete("brim", "share", "scan", "--page-size", "")) == ["2M", "4K", "both"]
    assert "brim.1" in complete("brim", "share", "scan", "--image", "brim.")


if __name__ == "__main__":
    main(globals())
