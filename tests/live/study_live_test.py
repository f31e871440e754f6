#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Live studies, as users run them: two QEMU guests and two processes under this machine's own KSM,
and machines that run already, started here as somebody else would.
Needs root, KSM, QEMU, and kernels that 'brim lab prepare' made (in $BRIM_LAB_CACHE)."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
from brim_cli import BRIM, main, one_line, run, run_json, scratch  # noqa: E402

FOLDER = scratch("live")
os.environ["BRIM_STORE"] = str(FOLDER / "store.sqlite")
os.environ["BRIM_STATE_DIR"] = str(FOLDER / "state")
KSM = Path("/sys/kernel/mm/ksm")
ADVISOR = ("advisor_mode", "advisor_max_cpu", "advisor_min_pages_to_scan",
           "advisor_max_pages_to_scan", "advisor_target_scan_time")
KNOBS = ("run", "pages_to_scan", "sleep_millisecs", "max_page_sharing", "smart_scan", *ADVISOR)

STUDY = FOLDER / "study.toml"
STUDY.write_text("""
area = "share"
[schedule]
warm_up = "2s"
duration = "16s"
sample_interval = "2s"
[mechanism]
policy = "ksm"
pages_to_scan = 5000
sleep = "20ms"
[loads.equal]
kind = "synthetic"
size = "32MiB"
write_rate = 0.03125
pause = "5s"
[[guests]]
memory = "128MiB"
count = 2
load = "equal"
[[guests]]
kind = "process"
memory = "64MiB"
count = 2
load = "equal"
""")
PROCESSES = ["--set", 'guests=[{kind="process",memory="64MiB",count=2,load="equal"}]',
             "--set", "schedule.warm_up=0s"]


def missing():
    """What these tests need and this machine lacks."""
    if os.geteuid() != 0:
        return "root"
    if not KSM.exists():
        return "KSM"
    if not Path("/usr/bin/qemu-system-x86_64").exists():
        return "qemu-system-x86_64"
    return ""


def knobs():
    return {name: (KSM / name).read_text().strip() for name in KNOBS if (KSM / name).exists()}


def guests_left():
    agent = Path(BRIM).resolve().parent / "brim-agent"
    return subprocess.run(["pgrep", "-f", f"/tmp/brim-study-|{agent} --load"],
                          capture_output=True, text=True).stdout.split()


def cgroups_left():
    return [str(path) for path in Path("/sys/fs/cgroup").rglob("brim-lab-*")]


def over_time(found, metric, subject="", point=0):
    for series in found["series"]:
        if (series["metric"], series["subject"], series["point"]) == (metric, subject, point):
            return [value["mean"] for value in series["values"]]
    raise AssertionError(f"no {metric} of '{subject}'")


def test_guests_and_processes_share_and_the_machine_is_as_before():
    before = knobs()
    found = run_json("run", "run", STUDY, "--live")
    assert found["provenance"] == "measured" and found["tasks_done"] == 1
    assert any("QEMU machines" in note for note in found["notes"]), found["notes"]
    assert any("processes" in note for note in found["notes"]), found["notes"]
    assert knobs() == before, (knobs(), before)
    assert not guests_left() and not cgroups_left(), (guests_left(), cgroups_left())
    pages = {name: over_time(found, f"share.{name}_pages")[-1]
             for name in ("used", "minimum", "intra_saving", "inter_saving")}
    assert pages["minimum"] + pages["intra_saving"] + pages["inter_saving"] == pages["used"], pages
    # Four loads of 8,192 equal pages each; two systems that are alike.
    assert pages["intra_saving"] > 4 * 8000, pages
    assert over_time(found, "share.used_pages")[0] < pages["used"]
    # KSM at 250,000 pages a second has most of it long before the end.
    assert over_time(found, "share.efficiency_percent")[-1] > 60
    saved = over_time(found, "share.saved_bytes")
    assert saved[-1] > 4 * 24 * 2**20 and saved[-1] > 2 * saved[0], saved
    for guest in ("guest-1", "guest-2", "guest-3", "guest-4"):
        rss = over_time(found, "share.rss_bytes", guest)[-1]
        assert over_time(found, "share.pss_bytes", guest)[-1] < rss
        assert rss > 32 * 2**20, guest
    # A process has no memory before its load starts, a machine has.
    assert len(over_time(found, "share.rss_bytes", "guest-3")) < len(
        over_time(found, "share.rss_bytes", "guest-1"))
    assert over_time(found, "share.mechanism_cpu_percent")[-1] >= 0
    # The loads did what they were asked to, in guests and processes alike.
    assert over_time(found, "share.loads_filled")[-1] == 4
    for guest in ("guest-1", "guest-3"):
        writes = over_time(found, "share.load_writes", guest)
        assert writes == sorted(writes) and writes[-1] >= 8192 / 32, (guest, writes)
    # Writes of what is there already change no byte, but break what is merged.
    copies = over_time(found, "share.copies_on_write")
    assert copies == sorted(copies) and copies[-1] > 0, copies
    assert over_time(found, "share.churn_percent")[-1] < 20
    text = " ".join(run("report", "last").stdout.split())
    assert "What stands for what" in text and "of what could be saved is saved" in text
    html = FOLDER / "study.html"
    run("report", "last", "--format", "html", "--output", html)
    assert "Sharing: what could be saved" in html.read_text()


def test_without_sharing_nothing_is_merged():
    before = knobs()
    found = run_json("run", "run", STUDY, "--live", *PROCESSES, "--set", 'mechanism={policy="none"}',
                     "--set", "schedule.duration=4s")
    assert over_time(found, "share.ksm_bytes")[-1] == 0
    assert over_time(found, "share.intra_saving_pages")[-1] > 2 * 8000
    assert knobs() == before, (knobs(), before)


def test_brims_own_tuner_merges_what_nobody_else_would_and_puts_the_knobs_back():
    before = knobs()
    study = [STUDY, "--live", *PROCESSES, "--set", "schedule.duration=10s", "--set", "live.scan=never"]
    tuned = run_json("run", "run", *study, "--set", 'mechanism={policy="ksm",tuner="brim"}')
    assert knobs() == before, (knobs(), before)
    alone = run_json("run", "run", *study, "--set", 'mechanism={policy="none"}')
    saved, of_none = over_time(tuned, "share.saved_bytes"), over_time(alone, "share.saved_bytes")
    assert saved[-1] > 32 * 2**20 and saved[-1] > 10 * of_none[-1], (saved, of_none)
    scanned = over_time(tuned, "share.pages_scanned")
    # Its 64 MiB are looked at twice at once, and not round and round as at a fixed rate.
    assert 2 * 16384 <= scanned[-1] < 20 * 16384, scanned
    took = over_time(tuned, "share.tuner_cpu_percent")
    assert 0 < max(took) < 50, took
    assert not any(series["metric"] == "share.tuner_cpu_percent" for series in alone["series"])
    assert any("brim's tuner" in note for note in tuned["notes"]), tuned["notes"]


def test_the_kernels_advisor_is_set_and_put_back():
    before = knobs()
    if not before.get("advisor_mode"):
        raise unittest.SkipTest("this kernel's KSM has no advisor (Linux 6.8 has)")
    process = started("--set", "schedule.duration=600s", "--set",
                      'mechanism={policy="ksm",tuner="advisor",advisor_target_scan_time="30s",'
                      'advisor_max_cpu=40,advisor_min_pages_to_scan=700}')
    during = knobs()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert "[scan-time]" in during["advisor_mode"], during
    assert during["advisor_target_scan_time"] == "30" and during["advisor_max_cpu"] == "40", during
    assert during["advisor_min_pages_to_scan"] == "700", during
    assert knobs() == before, (knobs(), before)


def test_measured_and_modelled_stand_side_by_side():
    found = run_json("run-both", "run", STUDY, "--both", *PROCESSES, "--set", "schedule.duration=8s")
    assert found["measured"]["provenance"] == "measured"
    assert found["modelled"]["provenance"] == "modelled"
    for of in ("measured", "modelled"):
        saving = over_time(found[of], "share.intra_saving_pages")[-1]
        assert 2 * 8000 < saving < 2 * 8600, (of, saving)
    runs = run_json("runs", "runs", "--limit", "2")["runs"]
    assert [one["status"] for one in runs] == ["complete", "complete"]
    done = run("run", STUDY, "--both", "--set", "study.scale=0.5", status=2)
    assert "study.scale" in one_line(done)


def started(*arguments):
    process = subprocess.Popen([BRIM, "run", STUDY, "--live", *PROCESSES, *arguments],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 60
    while (KSM / "run").read_text().strip() != "1":
        assert time.time() < deadline and process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    return process


def test_ctrl_c_ends_the_guests_and_keeps_what_was_sampled():
    before = knobs()
    process = started("--set", "schedule.duration=600s")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, (process.returncode, errors)
    assert knobs() == before and not guests_left() and not cgroups_left(), (knobs(), cgroups_left())
    assert run_json("runs", "runs", "--limit", "1")["runs"][0]["status"] == "interrupted"


def test_a_killed_run_leaves_nothing_that_restore_does_not_undo():
    before = knobs()
    process = started("--set", "schedule.duration=600s")
    time.sleep(1)
    process.kill()
    process.wait()
    deadline = time.time() + 20
    while guests_left() and time.time() < deadline:
        time.sleep(0.1)
    assert not guests_left(), "they die with it"
    run("restore")
    assert knobs() == before and not cgroups_left()
    assert run_json("runs", "runs", "--limit", "1")["runs"][0]["status"] == "interrupted"


def test_what_does_not_fit_this_machine_is_said_first():
    done = run("run", STUDY, "--live", "--set", "guests.0.count=100000", status=3)
    assert "available" in one_line(done)
    done = run("run", STUDY, "--live", "--set", "guests.0.kernel=linux-5", status=2)
    assert "no kernel 'linux-5'" in one_line(done)
    with tempfile.TemporaryDirectory() as empty:
        done = run("run", STUDY, "--live", status=3, env={**os.environ, "BRIM_LAB_CACHE": empty + "/x"})
    assert "lab prepare" in one_line(done)
    done = run("run", STUDY, "--live", "--set", "mechanism={policy='tps'}", status=2)
    assert "tps" in one_line(done)


def ask(path, request):
    """What the agent of a machine started here answers."""
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(5)
        agent.connect(str(path))
        agent.sendall(json.dumps({"id": 1, **request}).encode() + b"\n")
        with agent.makefile() as answers:
            for line in answers:
                if json.loads(line).get("id") == 1:
                    return json.loads(line)["return"]
    raise AssertionError(f"no answer at {path}")


class Machine:
    """A QEMU that brim did not start: no monitor, no cgroup of its own."""

    def __init__(self, name):
        cache = Path(os.environ.get("BRIM_LAB_CACHE", "/var/cache/brim"))
        self.agent = FOLDER / f"{name}.agent"
        initrd = FOLDER / "initrd"
        initrd.write_bytes((cache / "initramfs.cpio").read_bytes()
                           + (cache / "kernel-6.1-cloud.modules.cpio").read_bytes())
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-name", name, "-accel", "tcg,tb-size=32", "-machine", "pc",
             "-cpu", "qemu64,-cx16", "-m", "128", "-nodefaults", "-display", "none", "-no-reboot",
             "-kernel", cache / "kernel-6.1-cloud.vmlinux", "-initrd", initrd,
             "-append", "quiet panic=-1 no_timer_check", "-device", "virtio-serial-pci",
             "-chardev", f"socket,id=agent,path={self.agent},server=on,wait=off",
             "-device", "virtserialport,chardev=agent,name=org.brim.agent"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self):
        deadline = time.time() + 120
        while True:
            try:
                return ask(self.agent, {"command": "hello"})
            except OSError:
                assert time.time() < deadline and self.process.poll() is None, "did not boot"
                time.sleep(0.2)

    def state(self):
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def as_found(self):
        """What a study must leave as it is."""
        assert self.process.poll() is None and self.state() != "T", self.state()
        assert ask(self.agent, {"command": "hello"})
        return Path(f"/proc/{self.process.pid}/cgroup").read_text()


@contextlib.contextmanager
def machines(*names):
    made = []
    try:
        for name in names:
            made.append(Machine(name))
        for machine in made:
            machine.wait()
            ask(machine.agent, {"command": "load start", "load": "bytes=32MiB"})
        time.sleep(1)
        yield made
    finally:
        for machine in made:
            machine.process.kill()
            machine.process.wait()


OURS = ["--set", "guests=[{kind='running',machine='somebodys-*'}]"]


def test_machines_that_run_already_are_studied_and_go_on():
    before = knobs()
    with machines("somebodys-1", "somebodys-2") as (one, two):
        found_as = one.as_found(), two.as_found()
        found = run_json("run", "run", STUDY, "--live", *OURS, "--set", "schedule.duration=8s")
        assert (one.as_found(), two.as_found()) == found_as
        assert knobs() == before and not cgroups_left(), (knobs(), before, cgroups_left())
        # Their load is one content; KSM, as the scenario sets it, merges most of that.
        assert over_time(found, "share.intra_saving_pages")[-1] > 2 * 8000
        saved = over_time(found, "share.saved_bytes")
        assert saved[-1] > 2 * 24 * 2**20, saved
        for name in ("somebodys-1", "somebodys-2"):
            assert over_time(found, "share.rss_bytes", name)[0] > 32 * 2**20
        assert any("goes on after" in note for note in found["notes"]), found["notes"]
        assert any("stays merged" in note for note in found["notes"]), found["notes"]


def test_what_runs_here_is_studied_under_ksm_as_it_is():
    before = knobs()
    with machines("somebodys-1") as (one,):
        found_as = one.as_found()
        found = run_json("run", "run", "share-running", "--live", "--set",
                         "guests.0.machine=somebodys-1", "--set", "schedule.duration=2s",
                         "--set", "live.pause_running=true")
        assert one.as_found() == found_as and knobs() == before
        assert over_time(found, "share.intra_saving_pages")[-1] > 8000
        assert any("KSM: left as it is here" in note for note in found["notes"]), found["notes"]
        assert any("paused" in note for note in found["notes"]), found["notes"]


def test_a_machine_that_was_paused_goes_on_when_brim_is_killed():
    with machines("somebodys-1") as (one,):
        process = subprocess.Popen(
            [BRIM, "run", "share-running", "--live", "--set", "guests.0.machine=somebodys-1",
             "--set", "schedule.duration=1s", "--set", "live.pause_running=true"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while one.state() != "T":
            assert process.poll() is None, "it ended without a pause"
            time.sleep(0.001)
        process.kill()
        process.wait()
        deadline = time.time() + 20
        while one.state() == "T":
            assert time.time() < deadline, "it stands still"
            time.sleep(0.01)
        run("restore")
        assert one.as_found() and not list((FOLDER / "state" / "pauses").iterdir())


def test_a_machine_that_ends_ends_the_study_and_nothing_else():
    before = knobs()
    with machines("somebodys-1", "somebodys-2") as (one, two):
        found_as = one.as_found()
        process = subprocess.Popen([BRIM, "run", STUDY, "--live", *OURS, "--set",
                                    "schedule.duration=600s", "--set", "schedule.warm_up=0s"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(4)
        assert process.poll() is None
        two.process.kill()
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 2 and output == "", (process.returncode, output)
        lines = errors.strip().splitlines()
        assert lines == ["brim: somebodys-2: this machine ended before the study did"], lines
        assert one.as_found() == found_as and knobs() == before, (knobs(), before)
        assert run_json("runs", "runs", "--limit", "1")["runs"][0]["status"] == "failed"


def test_what_cannot_be_studied_as_running_is_said_in_a_line():
    done = run("run", STUDY, "--live", *OURS, status=3)
    assert "somebodys-*" in one_line(done)
    named = ["--set", "guests=[{kind='running',machine='*',load='equal'}]"]
    assert "guests.0.load" in one_line(run("run", STUDY, "--live", *named, status=2))
    assert "guests.0" in one_line(run("run", "share-running", "--model", status=2))


if __name__ == "__main__":
    lack = missing()
    if lack:
        print(f"skipped: {lack} is missing")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    main(globals())
