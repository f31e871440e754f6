#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""brim run, reproduce and list, as users call them."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from brim_cli import BRIM, main, one_line, run, run_json, scratch

FOLDER = scratch("study")
os.environ["BRIM_STORE"] = str(FOLDER / "store.sqlite")
SMALL = ["--set", "study.scale=0.02"]


def canonical(run_id):
    return run("export", run_id, "--canonical").stdout


def newest():
    return run_json("runs", "runs", "--limit", "1")["runs"][0]


def test_a_study_runs_is_stored_and_shown_again():
    found = run_json("run", "run", "share-ksm", "--model", *SMALL)
    assert found["tasks_done"] == found["tasks"] == 3 and found["provenance"] == "modelled"
    ram = {s["point"]: s["values"] for s in found["series"] if s["metric"] == "share.ram_bytes"}
    assert len(ram) == 3 and len(ram[0]) == 61
    # More scanning, less memory at the end; all begin alike.
    ends = [ram[point][-1]["mean"] for point in range(3)]
    assert ends[0] > ends[1] > ends[2], ends
    assert len({ram[point][0]["mean"] for point in range(3)}) == 1
    assert newest()["status"] == "complete"
    assert run_json("run", "report", "last") == found
    assert "mechanism.pages_to_scan=5000" in run("report", "last").stdout
    html = FOLDER / "study.html"
    run("report", "last", "--format", "html", "--output", html)
    assert html.stat().st_size > 100_000


def test_threads_make_no_difference():
    # The study's own programs draw the same places whatever the seed.
    drawn = [*SMALL, "--set", "study.repeats=2", "--set", "loads.synthetic.positions=algorithm"]
    texts = []
    for threads in (1, 2, 5):
        run("run", "share-ksm", "--model", *drawn, "--threads", threads)
        texts.append(canonical("last"))
    assert texts[0] == texts[1] == texts[2]
    run("run", "share-ksm", "--model", *drawn, "--set", "study.seed=2")
    assert canonical("last") != texts[0]


def test_costs_measured_here_are_hardware_for_a_study():
    entry = FOLDER / "here.toml"
    found = run_json("share-calibrate", "share", "calibrate", "--no-ksm", "--name", "here",
                     "--entry", entry)
    costs = {cost["key"]: cost for cost in found["costs"]}
    assert entry.read_text() == found["entry"] and "[hardware.here]" in found["entry"]
    # Two equal pages are read whole, two unequal ones are not.
    assert costs["confirmation_ns"]["median_ns"] > costs["comparison_ns"]["median_ns"] > 0
    # A lookup waits for memory, more than once; a write doesn't.
    assert costs["lookup_ns"]["median_ns"] > costs["write_ns"]["median_ns"] > 0
    assert costs["visit_ns"]["median_ns"] is None and costs["visit_ns"]["reason"]
    study = [*SMALL, "--catalogue", entry, "--set", "hardware.entry=here"]
    assert run_json("run", "run", "share-ksm", "--model", *study)["tasks_done"] == 3
    one_line(run("share", "calibrate", "--no-ksm", "--name", "a b", status=2))


def test_mechanisms_are_compared_on_the_same_guests():
    found = run_json("run", "run", "share-mechanisms", "--model", *SMALL)
    labels = {p["number"]: p["label"] for p in found["points"]}
    last = {labels[s["point"]].split("=")[1]: s["values"][-1]["mean"] for s in found["series"]
            if s["metric"] == "share.saved_bytes"}
    assert last["no-sharing"] == 0 and len(last) == 12, last
    # What looks at more finds more: zero pages, libraries, all that is from disk, all.
    assert 0 < last["kim-lguest"] < last["satori-xen"] < last["cbps-plain"], last
    assert last["page-trimming"] > 0 and last["esxi-large-pages"] < last["esxi-5-5"], last
    told = {(labels[s["point"]].split("=")[1], s["metric"]): s["values"][-1]["mean"]
            for s in found["series"] if s["values"]}
    assert told["difference-engine", "share.compressed_pages"] > 0
    assert told["esxi-5-5", "share.pshare_saving_pages"] * 4096 == last["esxi-5-5"]
    assert ("cbps-plain", "share.pshare_saving_pages") not in told


def started(*arguments):
    process = subprocess.Popen([BRIM, "run", "share-ksm", "--model", *arguments],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 60
    while time.time() < deadline:
        if newest()["status"] == "running" and len(run("export", newest()["id"]).stdout.splitlines()) > 1:
            return process
        time.sleep(0.05)
    raise AssertionError("no sample was recorded")


# Long enough to be caught in the middle.
LONG = ["--set", "study.scale=0.02", "--set", "study.repeats=40", "--threads", "1"]


def test_a_killed_run_says_so_and_is_gone_on_with():
    run("run", "share-ksm", "--model", *LONG)
    whole = canonical("last")
    process = started(*LONG)
    process.kill()
    process.wait()
    killed = newest()
    assert killed["status"] == "interrupted", killed
    part = canonical(killed["id"])
    assert len(part.splitlines()) < len(whole.splitlines())
    found = run_json("run", "run", "share-ksm", "--model", *LONG, "--resume", killed["id"])
    assert found["tasks_done"] == found["tasks"] == 120
    assert newest()["id"] == killed["id"] and newest()["status"] == "complete"
    assert canonical(killed["id"]) == whole
    one_line(run("run", "share-ksm", "--model", *LONG, "--resume", killed["id"], status=2))


def test_ctrl_c_leaves_what_was_done():
    process = started(*LONG, "--format", "json")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert newest()["status"] == "interrupted"
    found = run_json("run", "report", newest()["id"])
    assert 0 < found["tasks_done"] < found["tasks"]
    assert "Interrupted" in run("report", newest()["id"]).stdout
    wrong = one_line(run("run", "share-ksm", "--model", *SMALL, "--resume", newest()["id"], status=2))
    assert "another scenario" in wrong


def test_what_is_wrong_is_said_in_a_line():
    cases = {
        'area = "share"\n[mechanism]\npolicy = "kms"\n[[guests]]\n': ["s.toml:3", "ksm"],
        'area = "share"\n[mechanism]\npolicy = "ksm"\npages_to_scn = 5\n[[guests]]\n':
            ["s.toml:4", "pages_to_scan"],
        'area = "share"\n[mechanism]\npolicy = "ksm"\nsleep = 5\n[[guests]]\n': ["s.toml:4", "sleep"],
        'area = "share"\n[mechanism]\npolicy = "none"\n[[guests]]\nentry = "debian-7-kwm"\n':
            ["s.toml:5", "debian-7-kvm"],
        'area = "share"\n[mechanism]\npolicy = "none"\n[[guests]]\nkernel_size = "2GiB"\n':
            ["its classes take 2048 MiB"],
        'area = "share"\n[mechanism]\npolicy = "none"\n[[guests]]\n[[guests]]\nkind = "running"\n'
        'machine = "*"\n': ["guests.1", "entry", "--live"],
        'area = "share"\n[mechanism\n': ["s.toml:2"],
    }
    for text, wanted in cases.items():
        (FOLDER / "s.toml").write_text(text)
        line = one_line(run("run", FOLDER / "s.toml", "--model", status=2))
        for word in wanted:
            assert word in line, line
    assert "share-ksm" in one_line(run("run", "share-ksn", "--model", status=2))
    one_line(run("run", "share-ksm", "--model", "--set", "study.scale", status=2))
    assert "--model" in one_line(run("run", "share-ksm", status=2))
    one_line(run("run", "share-ksm", "--model", "--catalogue", FOLDER / "none.toml", status=2))


def test_a_machine_that_runs_can_be_modelled_by_an_entry():
    (FOLDER / "s.toml").write_text(
        'area = "share"\n[live]\nksm = "as_is"\n[mechanism]\npolicy = "ksm"\n[[guests]]\n'
        'kind = "running"\nmachine = "web1"\nentry = "debian-7-kvm"\n')
    found = run_json("run", "run", FOLDER / "s.toml", "--model", "--no-store", *SMALL[:2])
    assert any("live.ksm" in note for note in found["notes"]), found["notes"]


def test_entries_of_ones_own_stand_beside_brims():
    (FOLDER / "own.toml").write_text(
        '[guest.small]\narea = "share"\nsummary = "Small"\nsource = "mine"\nmemory = "64MiB"\n'
        'kernel_size = "16MiB"\n')
    (FOLDER / "s.toml").write_text(
        'area = "share"\n[mechanism]\npolicy = "none"\n[[guests]]\nentry = "small"\ncount = 3\n')
    found = run_json("run", "run", FOLDER / "s.toml", "--model", "--no-store",
                     "--catalogue", FOLDER / "own.toml")
    ram = next(s for s in found["series"] if s["metric"] == "share.ram_bytes")
    assert ram["values"][-1]["mean"] == 3 * 16 * 2**20


def test_a_published_study_beside_ours():
    found = run_json("reproduce", "reproduce", "share", "--scale", "0.02", "--only", "kvm-1,vmware-1",
                     status=None)
    cells = {(c["table"], c["row"], c["column"]): c for c in found["cells"]}
    # What was fitted comes out as published, or the fit is wrong.
    for (table, row, column), cell in cells.items():
        if row.endswith(" I") and cell["role"] == "calibration":
            assert abs(cell["error"]) < 1, cell
    for row in ("KVM I", "VMware I"):
        cell = cells[("5.1", row, "real with sharing")]
        assert cell["role"] == "prediction" and abs(cell["error"]) < 10, cell
    assert cells[("5.1", "KVM II", "real with sharing")]["ours"] is None
    claims = {c["id"]: c["status"] for c in found["claims"]}
    assert claims["two-families"] == "not_decidable" and claims["aslr"] == "not_decidable"
    summary = found["summary"]
    assert summary["claims_total"] == len(claims)
    assert summary["claims_held"] + summary["claims_failed"] <= summary["claims_total"]
    assert "share" in one_line(run("reproduce", "shar", status=2))
    assert "kvm-1" in one_line(run("reproduce", "share", "--only", "kvm-9", status=2))
    assert "--live" in one_line(run("reproduce", "share", "--only", "kvm-real", status=2))


def test_operating_systems_under_thrashing_beside_ours():
    found = run_json("reproduce", "reproduce", "thrash", "--scale", "0.02", "--only", "w-1000,tc-1s",
                     "--no-store", status=None)
    lines = {f["id"]: f["lines"] for f in found["figures"]}
    # A line for each system, as sampled, though they are drawn smoothed.
    assert set(lines) == {f"{figure}-{part}" for figure, parts in (("5.3", ("user", "system")),
                          ("5.6", ("in", "out")), ("5.15", ("user", "system")), ("5.18", ("in", "out")))
                          for part in parts}, sorted(lines)
    assert all(f["smooth"] == "bezier" and f["until_seconds"] in (1510, 60) for f in found["figures"])
    systems = ["linux-2.6.22", "freebsd-7", "opensolaris-2008.11", "windows-xp"]
    for one in lines.values():
        assert [line["label"].split("=")[1] for line in one] == systems
        assert all(len(line["values"]) == len(line["t_seconds"]) >= 600 for line in one)
    assert any(value > 0 for value in lines["5.6-in"][0]["values"])
    # Nothing was fitted, so every figure of the text is a prediction.
    assert found["cells"] and all(cell["role"] == "prediction" for cell in found["cells"])
    ours = {(c["row"], c["column"]): c["ours"] for c in found["cells"]}
    assert ours[("FreeBSD", "system time, 1,000 writes")] is not None
    assert ours[("Linux", "peak of page-outs, 10,000 writes")] is None
    claims = {c["id"]: c for c in found["claims"]}
    # Counters of different things are not compared, whatever is run; nor are feelings.
    for name in ("linux-pages-most", "solaris-pages-least", "windows-pages-most-at-1000", "slowest-feel"):
        assert claims[name]["status"] == "not_decidable" and claims[name]["evidence"], claims[name]
    assert claims["freebsd-7"]["status"] in ("held", "failed")
    assert claims["token-helps"]["status"] == "not_decidable"
    assert len(claims) == found["summary"]["claims_total"] >= 50
    assert any(warning.startswith("At 0.02 of the size.") for warning in found["warnings"])
    assert "no-token" in one_line(run("reproduce", "thrash", "--live", "--only", "no-token", status=2))
    assert "now-live" in one_line(run("reproduce", "thrash", "--only", "now-live", status=2))


def test_a_study_redone_with_another_assumption_says_so():
    def user_time(*sets):
        found = run_json("reproduce", "reproduce", "thrash", "--scale", "0.02", "--only",
                         "w-1000,tc-1s", "--no-store", *sets, status=None)
        lines = {f["id"]: sum(f["lines"][0]["values"]) for f in found["figures"]
                 if f["id"] in ("5.3-user", "5.15-user")}
        return lines, " ".join(found["warnings"])
    declared, plain = user_time()
    changed, warnings = user_time("--set", "w-1000:loads.consumer.pause=100s")
    assert changed["5.3-user"] < 0.1 * declared["5.3-user"], (declared, changed)
    assert changed["5.15-user"] == declared["5.15-user"], "of that run alone"
    assert "w-1000:loads.consumer.pause=100s" in warnings and "Not as declared" not in plain
    assert "tc-2s" in one_line(run("reproduce", "thrash", "--set", "tc-2s:study.seed=2", status=2))


def test_the_studys_scenarios_run_by_themselves():
    names = [one["name"] for one in run_json("list", "list", "scenarios")["scenarios"]
             if one["name"].startswith("santos-")]
    assert len(names) == 8, names
    for name in names:
        value = run_json("run", "run", name, "--model", "--set", "study.scale=0.02", "--set",
                         "schedule.duration=20s", "--set", "study.repeats=1", "--no-store")
        assert len(value["points"]) == 4, name
        # At 20 s one consumer each second has started, or all, or none yet.
        running = [s["values"][-1]["mean"] for s in value["series"]
                   if s["metric"] == "thrash.consumers_running"]
        expected = {"santos-tc-0": 25, "santos-tc-1s": 10, "santos-tc-10s": 1}.get(name, 0)
        assert len(running) == 4 and all(abs(r - expected) <= 1 for r in running), (name, running)


def test_the_schema_of_both_has_all_that_of_one_run():
    schemas = Path(__file__).resolve().parents[2] / "data" / "schemas"
    one = json.loads((schemas / "run.schema.json").read_text())
    both = json.loads((schemas / "run-both.schema.json").read_text())["$defs"]["run"]
    assert both["properties"] == one["properties"] and both["required"] == one["required"]


def test_lists_follow_their_schema():
    for what in ("scenarios", "catalogue", "controls", "policies", "parameters"):
        assert run_json("list", "list", what)[what]
    # Without a word: every list there is.
    names = [one["name"] for one in run_json("list", "list")["lists"]]
    assert names == sorted(names) and len(names) >= 6
    for name in names:
        assert run_json("list", "list", name)[name]
    parameters = run_json("list", "list", "parameters")["parameters"]
    sections = {p["of"] for p in parameters}
    assert {"study", "schedule", "guests", "share live", "sweep.over"} <= sections, sections
    ksm = [p for p in parameters if p["of"] == "share mechanism ksm" and p["key"] == "pages_to_scan"]
    assert ksm and ksm[0]["default"] == "100" and ksm[0]["unit"] == "pages"
    assert all(entry["source"] for entry in run_json("list", "list", "catalogue")["catalogue"])


if __name__ == "__main__":
    main(globals())
