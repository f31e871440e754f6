# SPDX-License-Identifier: Apache-2.0
"""What the program keeps and where it writes: the journal, the store, files, exports, runs cut short."""
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from brim_cli import BRIM, SOURCE, main, one_line, page, run, run_json, scratch, write_image

WORK = scratch("state")
STORE = WORK / "store/brim.sqlite"
JOURNAL = WORK / "state/journal"
os.environ["BRIM_STORE"] = str(STORE)
os.environ["BRIM_STATE_DIR"] = str(WORK / "state")
A = write_image(WORK / "a.raw", [page(1), page(1), page(2), page(3)])
B = write_image(WORK / "b.raw", [page(1), page(3), page(4), page(4)])


def run_ids():
    return [one["id"] for one in run_json("runs", "runs", "--limit", "0")["runs"]]


# A value of the kernel that is this test's own: the journal takes files below /proc and /sys only.
KNOB = Path(f"/proc/{os.getpid()}/oom_score_adj")


def plant_change(path, old="1", new="2"):
    """A journal entry of a run that is no more, which had changed the file from old to new."""
    JOURNAL.mkdir(mode=0o700, parents=True, exist_ok=True)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    entry = JOURNAL / f"{1:020}.json"
    entry.write_text(json.dumps({"schema": 1, "path": str(path), "old_value": old, "asked_value": new,
                                 "new_value": new, "boot_id": boot, "pid": 4194305, "start_ticks": 1}))
    return entry


def test_restore_without_a_journal_makes_none():
    env = {**os.environ, "BRIM_STATE_DIR": str(WORK / "no state")}
    for extra in ([], ["--dry-run"]):
        assert "Nothing to put back" in run("restore", *extra, env=env).stdout
    assert not (WORK / "no state").exists()


def test_restore_itself_shows_and_undoes_what_was_left():
    knob = KNOB
    knob.write_text("2\n")
    entry = plant_change(knob)
    shown = run_json("restore", "restore", "--dry-run")
    assert [(c["outcome"], c["path"]) for c in shown["changes"]] == [("recorded", str(knob))], shown
    assert knob.read_text() == "2\n" and entry.exists()
    done = run_json("restore", "restore")
    assert [c["outcome"] for c in done["changes"]] == ["restored"], done
    assert knob.read_text().strip() == "1" and not entry.exists()


def test_restore_that_fails_is_status_1():
    entry = plant_change(WORK)  # a directory: can't be read as a value
    failed = run_json("restore", "restore", status=1)
    assert [c["outcome"] for c in failed["changes"]] == ["failed"], failed
    assert entry.exists()
    assert "could not undo" in one_line(subprocess.run([BRIM, "list", "causes", "--output", "/dev/null"],
                                                       capture_output=True, text=True))
    entry.unlink()


def test_every_other_start_undoes_what_was_left_and_says_how():
    knob = KNOB
    knob.write_text("2\n")
    plant_change(knob)
    assert f"put {knob} back to '1'" in run("runs").stderr
    assert knob.read_text().strip() == "1"
    knob.write_text("7\n")
    entry = plant_change(knob)
    assert f"left {knob} as it is" in run("runs").stderr
    assert knob.read_text() == "7\n" and not entry.exists()


def test_another_root_never_touches_the_machines_journal():
    knob = KNOB
    knob.write_text("2\n")
    entry = plant_change(knob)
    root = SOURCE / "tests/fixtures/hosts/debian-6.1"
    assert run("--root", root, "doctor").stderr == ""
    assert knob.read_text() == "2\n" and entry.exists()
    without = {name: value for name, value in os.environ.items() if name != "BRIM_STATE_DIR"}
    for extra in ([], ["--dry-run"]):
        assert "BRIM_STATE_DIR" in one_line(run("--root", root, "restore", *extra, status=2, env=without))
    entry.unlink()


def test_nothing_is_scanned_for_output_that_will_be_refused():
    before = run_ids()
    for extra, expected in ((["--format", "csv", "--table", "nosuch"], "potential"),
                            (["--table", "potential"], "--format csv"),
                            (["--output", "/proc/nothing/here"], "/proc/nothing/here"),
                            (["--output", WORK], str(WORK)),
                            (["--html", WORK / "no/such/report.html"], "report.html")):
        assert expected in one_line(run("share", "scan", "--image", A, *extra, status=2)), extra
    reader, writer = pty.openpty()
    done = subprocess.run([BRIM, "share", "scan", "--image", str(A), "--format", "html"], stdout=writer,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    os.close(reader)
    assert done.returncode == 2 and "--output" in done.stderr, done.stderr
    assert run_ids() == before


def test_every_table_of_a_scan_can_be_asked_for():
    text = run("share", "scan", "--pid", os.getpid(), "--image", A, "--every", "100ms", "--for", "100ms",
               "--beyond", "sampled", "--format", "csv").stdout
    tables = [line[2:].split(":")[0] for line in text.splitlines() if line.startswith("# ")]
    assert "time" in tables and "groups" in tables, tables
    known = run("share", "scan", "--help").stdout
    for table in tables:
        assert table in known.split("--table")[1], table


def test_a_link_is_written_through():
    for target in (WORK / "there.txt", WORK / "not-yet.txt"):
        link = WORK / f"link-to-{target.name}"
        link.symlink_to(target.name)
        if "there" in target.name:
            target.write_text("old")
        run("list", "causes", "--output", link)
        assert link.is_symlink() and "ksm_off" in target.read_text()


def test_what_finds_nothing_records_nothing():
    before = run_ids()
    run("share", "scan", "--pid", "999999999", status=2)
    run("share", "scan", "--name", "no such name", status=2)
    assert run_ids() == before


def test_images_do_not_record_the_hosts_counters():
    run("share", "scan", "--image", A)
    assert "share.ksm_pages" not in run("export", "last").stdout


def test_canonical_exports_of_two_scans_are_the_same_bytes():
    for extra in ([], ["--second-look", "1ms", "--page-size", "both", "--confirm"], ["--sample", "50%"],
                  ["--every", "150ms", "--for", "300ms"]):
        exports = []
        for _ in range(2):
            run("share", "scan", "--image", A, "--image", B, "--seed", "7", *extra)
            exports.append([run("export", "last", "--canonical", "--format", f).stdout for f in ("csv", "json")])
        assert exports[0] == exports[1], extra
        assert json.loads(exports[0][1])["result"]["results"], extra


def test_names_can_not_steer_the_terminal():
    image = write_image(WORK / "vm\x1b]0;x\x07\x9b31m.raw", [page(1)])
    outputs = [run("share", "scan", "--image", image, "--format", f).stdout for f in ("text", "csv", "json")]
    outputs += [run("export", "last", "--format", f).stdout for f in ("csv", "json")]
    outputs.append(run("compare", "last", "last", "--subjects").stdout)
    for output in outputs:
        controls = [c for c in output if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]
        assert not controls, (controls, output[:300])


def planted_store(name):
    """A store that takes runs but no samples."""
    place = WORK / name
    run("--store", place, "share", "scan", "--image", A)
    with sqlite3.connect(place) as database:
        database.execute("CREATE TRIGGER planted BEFORE INSERT ON sample"
                         " BEGIN SELECT RAISE(FAIL, 'planted'); END")
    database.close()
    return place


def test_a_store_that_fails_does_not_cost_the_measurement():
    place = planted_store("failing.sqlite")
    scan = ["share", "scan", "--image", A]
    result = run_json("share-scan", *scan, env={**os.environ, "BRIM_STORE": str(place)})
    assert any("planted" in warning for warning in result["warnings"]), result["warnings"]
    done = run("--store", place, *scan, "--format", "json", status=2)
    assert json.loads(done.stdout)["results"] == result["results"]
    assert "planted" in done.stderr


def wait_for_samples(store, more_than=0):
    """Waits until the newest run has some: its first look is done."""
    for _ in range(600):
        time.sleep(0.05)
        if not store.exists():
            continue
        with sqlite3.connect(store) as database:
            try:
                count = database.execute("SELECT count(*) FROM sample").fetchone()[0]
            except sqlite3.OperationalError:
                count = 0
        database.close()
        if count > more_than:
            return
    raise AssertionError("no samples")


def test_a_series_whose_subject_ends_keeps_what_it_has():
    store = WORK / "series.sqlite"
    subject = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    time.sleep(0.5)
    scan = subprocess.Popen([BRIM, "--store", str(store), "share", "scan", "--pid", str(subject.pid), "--every",
                             "100ms", "--for", "100s", "--format", "json"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    wait_for_samples(store)
    subject.kill()
    subject.wait()
    out, err = scan.communicate(timeout=60)
    assert scan.returncode == 2, (scan.returncode, err)
    result = json.loads(out)
    assert result["partial"] and len(result["looks"]) >= 1
    assert result["results"][0]["subjects"][0]["pages"] > 100
    assert any(w.startswith("Ended early") for w in result["warnings"]), result["warnings"]
    assert str(subject.pid) in err
    listed = run_json("runs", "--store", store, "runs")["runs"]
    assert [one["status"] for one in listed] == ["partial"], listed


def test_a_look_that_is_cut_off_is_no_part_of_the_series():
    store = WORK / "cut.sqlite"
    scan = subprocess.Popen([BRIM, "--store", str(store), "share", "scan", "--image", str(A), "--every", "10ms",
                             "--for", "100s", "--second-look", "2s", "--format", "json"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    wait_for_samples(store)
    time.sleep(0.7)  # in the wait of the second look
    scan.send_signal(signal.SIGINT)
    out, err = scan.communicate(timeout=60)
    assert scan.returncode == 130, (scan.returncode, err)
    result = json.loads(out)
    assert result["partial"] and [look["potential"]["used_pages"] for look in result["looks"]] == [4]
    assert result["results"][0]["potential"]["used_pages"] == 4
    rows = run("--store", store, "export", "last").stdout.splitlines()
    assert len([row for row in rows if ",share.used_pages,pages,," in row]) == 1, rows


def test_the_first_interrupt_ends_a_command_that_has_no_partial_result():
    fifo = WORK / "fifo"
    os.mkfifo(fifo)
    waiting = subprocess.Popen([BRIM, "runs", "--output", str(fifo)])
    time.sleep(1)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(timeout=20) == -signal.SIGINT


def test_compare_names_what_is_not_whole_and_not_in_both():
    run("share", "scan", "--image", A)
    run("share", "scan", "--image", A, "--image", B)
    b, a = run_ids()[:2]
    compared = run_json("compare", "compare", a, b, "--subjects")
    assert any("b.raw" in name for name in compared["subjects_only_in_b"]), compared["subjects_only_in_b"]
    assert not [w for w in compared["warnings"] if "contexts" in w], compared["warnings"]


if __name__ == "__main__":
    main(globals())
