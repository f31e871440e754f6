#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""brim thrash replay as a user meets it: figures that can be followed by hand, formats, wrong input.
And a study of thrashing on the simulated machine."""
import gzip
import lzma
import os
import signal
import struct
import subprocess
import time

from brim_cli import BRIM, main, one_line, run, run_json, scratch

FOLDER = scratch("thrash")
os.environ["BRIM_STORE"] = str(FOLDER / "store.sqlite")

# Silberschatz, Galvin and Gagne, "Operating System Concepts".
TEXTBOOK = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1]


def trace(name, text):
    path = FOLDER / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def replay(path, trace_format, *arguments):
    return run_json("thrash-replay", "thrash", "replay", "--trace", path, "--trace-format", trace_format,
                    *arguments)


def faults(value):
    return {(result["policy"], result["frames"]): result["faults"] for result in value["results"]}


def test_the_textbooks_example_has_the_textbooks_faults():
    path = trace("textbook.txt", "\n".join(map(str, TEXTBOOK)) + "\n")
    value = replay(path, "pages", "--policy", "fifo,lru,opt", "--frames", "3,100%")
    assert faults(value) == {("fifo", 3): 15, ("lru", 3): 12, ("opt", 3): 9,
                             ("fifo", 6): 6, ("lru", 6): 6, ("opt", 6): 6}, faults(value)
    for result in value["results"]:
        assert result["references"] == 20 and result["cold_faults"] == 6 and result["writebacks"] == 0


def test_all_policies_are_replayed_and_listed():
    path = trace("all.txt", "\n".join(str(i * i % 97) for i in range(2000)))
    value = replay(path, "pages", "--policy", "all", "--frames", "10%")
    listed = [row["name"] for row in run_json("list", "list", "policies")["policies"]
              if row["kind"] == "replacement"]
    assert [result["policy"] for result in value["results"]] == listed and len(listed) >= 19
    best = min(value["results"], key=lambda result: result["faults"])
    assert faults(value)[("opt", best["frames"])] == best["faults"]


def test_a_percentage_is_rounded_down_and_at_least_one():
    path = trace("ten.txt", "".join(f"{page}\n" for page in range(39)))
    value = replay(path, "pages", "--policy", "lru", "--frames", "1%,10%,99.9%,5")
    assert [result["frames"] for result in value["results"]] == [1, 3, 38, 5]


def test_formats_give_the_same_references():
    pages = [5, 6, 5, 7, 8, 5, 6]
    writes = [False, True, False, False, True, False, False]
    text = "".join(f"{page} {'w' if write else 'r'}\n" for page, write in zip(pages, writes))
    lackey = "==1== lackey\nI  400000,3\n" + "".join(
        f" {'S' if write else 'L'} {page * 4096 + 16:x},8\n" for page, write in zip(pages, writes))
    csv = "time,address,write\n" + "".join(
        f"{i},{page * 4096},{int(write)}\n" for i, (page, write) in enumerate(zip(pages, writes)))
    champsim = b"".join(
        struct.pack("<QBB2B4B2Q4Q", 0x400000, 0, 0, 0, 0, 0, 0, 0, 0,
                    page * 4096 if write else 0, 0, 0 if write else page * 4096, 0, 0, 0)
        for page, write in zip(pages, writes))
    expected = None
    for name, content, kind in (("f.txt", text.encode(), "pages"), ("f.gz", gzip.compress(text.encode()), "pages"),
                                ("f.xz", lzma.compress(text.encode()), "pages"),
                                ("f.lackey", lackey.encode(), "lackey"), ("f.csv", csv.encode(), "csv"),
                                ("f.champsim", champsim, "champsim")):
        value = replay(trace(name, content), kind, "--policy", "lru,fifo", "--frames", "2")
        assert value["trace"]["references"] == 7 and value["trace"]["writes"] == 2, (name, value["trace"])
        expected = expected or value["results"]
        assert value["results"] == expected, name
    assert expected[0]["writebacks"] == 2


def oracle(pages, nexts):
    return b"".join(struct.pack("<IQIq", i, page, 1, following)
                    for i, (page, following) in enumerate(zip(pages, nexts)))


def test_the_next_access_of_oracle_general_is_checked():
    pages = [1, 2, 1, 2, 3]
    for nexts in ([2, 3, -1, -1, -1], [3, 4, -1, -1, -1], [2, 2, -1, -1, -1], [2, 3, 9, -1, -1]):
        value = replay(trace("o.bin", oracle(pages, nexts)), "oracleGeneral", "--policy", "lru", "--frames", "3")
        assert value["results"][0]["faults"] == 3
    for nexts, byte in (([2, 4, -1, -1, -1], 72), ([-1, 3, -1, -1, -1], 48)):
        path = trace("wrong.bin", oracle(pages, nexts))
        line = one_line(run("thrash", "replay", "--trace", path, "--trace-format", "oracleGeneral",
                            "--frames", "3", status=2))
        assert f"byte {byte}" in line, (line, byte)
    path = trace("missing.bin", oracle(pages, [2, 3, -1, 4, -1]))
    line = one_line(run("thrash", "replay", "--trace", path, "--trace-format", "oracleGeneral",
                        "--frames", "3", status=2))
    assert "reference 3" in line and "missing.bin" in line, line


def test_curves_are_monotone_for_stack_algorithms():
    path = trace("curve.txt", "\n".join(str(i * i % 199) for i in range(5000)))
    value = replay(path, "pages", "--policy", "lru,opt,fifo", "--curve", "--frames", "7,50")
    curves = {curve["policy"]: curve for curve in value["curves"]}
    for policy in ("lru", "opt"):
        ratios = [point["miss_ratio"] for point in curves[policy]["points"]]
        assert ratios == sorted(ratios, reverse=True) and ratios[0] > ratios[-1]
        at = {point["frames"]: point["miss_ratio"] for point in curves[policy]["points"]}
        for frames in (7, 50):
            assert abs(at[frames] * 5000 - faults(value)[(policy, frames)]) < 1e-6
    assert all("miss_ratio_interval" in point for point in curves["fifo"]["points"])


def test_a_study_runs_on_the_simulated_machine():
    found = run_json("run", "run", "thrash-small", "--model")
    assert found["tasks_done"] == 2 and found["provenance"] == "modelled"
    series = {(s["point"], s["metric"], s["subject"]): [v["mean"] for v in s["values"]]
              for s in found["series"]}
    for point in (0, 1):  # on the disk, on zram
        running = series[point, "thrash.consumers_running", ""]
        assert running[0] == 0 and max(running) == 8 and running[-1] == 0, running
        assert sum(series[point, "thrash.pages_in_per_s", ""]) > 1000
        assert series[point, "thrash.accesses", "consumer 8"][-1] > 0
        assert series[point, "thrash.consumers_killed", ""] == [0]
        # Linux counts KiB.
        pages = series[point, "thrash.pages_out_per_s", ""]
        counted = series[point, "thrash.counter_out_per_s", ""]
        assert all(abs(c - 4 * p) < 1e-6 * c + 1e-6 for c, p in zip(counted, pages))
    # Ten times as many could come from zram; but Linux 2.6.22 naps for 100 ms between its passes.
    assert max(series[1, "thrash.pages_in_per_s", ""]) > 2 * max(series[0, "thrash.pages_in_per_s", ""])
    texts = []
    for threads in (1, 2):
        run("run", "thrash-small", "--model", "--threads", threads)
        texts.append(run("export", "last", "--canonical").stdout)
    assert texts[0] == texts[1]


def test_recovery_is_a_time_or_a_bound_and_held_against_nobodys_control():
    few = ["--set", "study.repeats=2", "--set", "study.scale=0.25", "--set", "schedule.sample_interval=500ms"]
    found = run_json("run", "run", "thrash-recovery", "--model", *few)
    told = {(s["point"], s["metric"]): s["values"][-1]["n"] for s in found["series"] if not s["subject"]}
    for point in range(len(found["points"])):
        times = told.get((point, "thrash.recovery_s"), 0)
        assert times + told.get((point, "thrash.recovery_at_least_s"), 0) == 2, (point, told)
    held = {(c["metric"], c["point"]): c for c in found["comparisons"]}
    for metric in ("thrash.recovery_s", "thrash.accesses"):  # three controls on two devices
        assert [p for m, p in held if m == metric] == [1, 2, 3, 5, 6, 7], held
    assert all(c["n"] == c["n_base"] == 2 for c in held.values()), held
    assert ("thrash.responsiveness_recovery_s", 1) not in held, "the model has no probes"
    assert "recovery_s, each held against" in run("report", "last").stdout
    wrong = ["--set", "study.compare=thrash.recovery"]
    assert "thrash.recovery_s" in one_line(run("run", "thrash-recovery", "--model", *wrong, status=2))


def test_systems_of_the_catalogue_are_listed_and_wrong_ones_named():
    entries = {e["name"] for e in run_json("list", "list", "catalogue")["catalogue"]
               if e["area"] == "thrash"}
    assert {"santos-2009", "freebsd-7", "linux-2.6.22", "linux-6", "linux-6-mglru",
            "opensolaris-2008.11", "windows-xp"} <= entries, entries
    for setting, word in (("mechanism.replacement=clok", "'clock'"),
                          ("mechanism.control=swap-tokken", "swap-token"),
                          ("mechanism.entry=linux-7", "linux-6"),
                          ("hardware.swap=tape", "zram"),
                          ("mechanism.replacement=opt", "future")):
        line = one_line(run("run", "thrash-small", "--model", "--set", setting, status=2))
        assert word in line, line
    assert "images" in one_line(run("run", "thrash-small", "--model", "--images", BRIM, status=2))


def test_programs_run_live_only_and_have_a_command():
    line = one_line(run("run", "thrash-compile", "--model", status=2))
    assert "loads.compile" in line and "--live" in line, line
    line = one_line(run("run", "thrash-compile", "--model", "--set", "loads.compile.command=", status=2))
    assert "command" in line, line


def test_wrong_input_is_one_line():
    path = trace("good.txt", "1\n2\n")
    for arguments, words in (
            (["--trace", FOLDER / "none"], ["none"]),
            (["--trace", trace("bad.txt", "1\n2\nx3\n")], ["bad.txt", "3"]),
            (["--trace", trace("empty.txt", "")], ["empty.txt"]),
            (["--trace", trace("odd.bin", b"x" * 30), "--trace-format", "oracleGeneral"], ["odd.bin", "24"]),
            (["--trace", path, "--policy", "lri"], ["lri", "lru"]),
            (["--trace", path, "--policy", "clock(reference_on_lod=true)"], ["reference_on_load"]),
            (["--trace", path, "--trace-format", "page"], ["--trace-format"]),
            (["--trace", path, "--frames", "0"], ["--frames"]),
            (["--trace", path, "--frames", "101%"], ["--frames"]),
            (["--trace", path, "--page-size", "1000"], ["--page-size"])):
        frames = [] if "--frames" in arguments else ["--frames", "1"]
        line = one_line(run("thrash", "replay", *arguments, *frames, status=2))
        for word in words:
            assert word in line, (line, word)


def test_an_interrupted_replay_says_so_and_prints_nothing():
    path = trace("long.bin", oracle([i * 7919 % 50021 for i in range(600000)], [-1] * 600000)[:24 * 50021])
    process = subprocess.Popen([BRIM, "thrash", "replay", "--trace", "-", "--frames", "10%"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"1\n2\n3\n")
    process.stdin.flush()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.stdin.close()
    output = process.stdout.read()
    assert process.wait(timeout=20) == 130 and output == b"", (process.returncode, output)
    assert replay(path, "oracleGeneral", "--policy", "fifo", "--frames", "10%")["trace"]["pages"] == 50021


SWEEP = """
area = "thrash"
[schedule]
duration = "20s"
sample_interval = "1s"
[hardware]
memory = "8MiB"
swap_size = "64MiB"
[mechanism]
policy = "system"
[loads.consumer]
kind = "uniform"
memory = "3MiB"
accesses = 20_000
pause = "20ms"
[[guests]]
load = "consumer"
settle = "0s"
start_interval = "0s"
run_for = "1h"
[sweep.over]
"guests.0.count" = [1, 2, 8]
mechanism = [{ replacement = "random" }, { replacement = "clock", control = "tpf" }]
"""


def test_a_sweep_over_processes_is_charted_by_them():
    path = trace("denning.toml", SWEEP)
    found = run_json("run", "run", path, "--model", "--no-store")
    assert found["by_point"] == ["thrash.cpu_use_percent", "thrash.accesses_per_s"]
    use = {found["points"][s["point"]]["label"]: s["values"][-1]["mean"] for s in found["series"]
           if s["metric"] == "thrash.cpu_use_percent"}
    by_chance = [use[f"guests.0.count={count}, mechanism.replacement=random"] for count in (1, 2, 8)]
    # What fits keeps the processor busier; what doesn't waits for the disk.
    assert by_chance[2] < by_chance[0] < by_chance[1], by_chance
    page = FOLDER / "denning.html"
    run("run", path, "--model", "--no-store", "--format", "html", "-o", page)
    assert "thrash.cpu_use_percent by guests.0.count" in page.read_text()


HERE = """
area = "thrash"
[schedule]
duration = "8s"
sample_interval = "1s"
[hardware]
entry = "here"
memory = "8MiB"
swap_size = "64MiB"
[mechanism]
policy = "system"
[loads.consumer]
kind = "uniform"
memory = "3MiB"
accesses = 2_000
pause = "10ms"
[[guests]]
load = "consumer"
count = 4
settle = "0s"
start_interval = "0s"
run_for = "6s"
"""


def test_a_machine_that_was_measured_is_hardware_for_a_study():
    entry = FOLDER / "here.toml"
    found = run_json("thrash-calibrate", "thrash", "calibrate", "--no-zram", "--name", "here",
                     "--entry", entry, status=None)
    figures = {figure["key"]: figure for figure in found["figures"]}
    assert entry.read_text() == found["entry"] and "[hardware.here]" in found["entry"]
    # A first touch is a fault, an access is none.
    assert figures["minor_fault"]["median"] > figures["access"]["median"] > 0
    assert figures["compress"]["median"] is None and figures["compress"]["reason"] == "--no-zram"
    if figures["flash_channels"]["median"] is not None:
        assert 'swap = "flash"' in found["entry"]
        # The model's read of a page alone takes what it took here.
        read = next(r for r in found["requests"] if r["kind"] == "read" and r["pages"] == 1)
        assert read["modelled_ns"] >= 0.999 * read["ns"]["median"] > 0, read
    else:
        assert figures["flash_channels"]["reason"] and 'swap = "flash"' not in found["entry"]
    study = [trace("here-study.toml", HERE), "--model", "--no-store", "--catalogue", entry]
    assert run_json("run", "run", *study)["tasks_done"] == 1


def test_what_cannot_be_measured_says_why_and_the_rest_is():
    # Memory is no disk.
    found = run_json("thrash-calibrate", "thrash", "calibrate", "--no-zram", "--folder", "/dev/shm",
                     status=3)
    figures = {figure["key"]: figure for figure in found["figures"]}
    assert "tmpfs" in figures["flash_read_rate"]["reason"], figures["flash_read_rate"]
    assert figures["access"]["median"] > 0 and found["requests"] == []
    for arguments, word in ((["--name", "a b"], "--name"), (["--folder", FOLDER / "none"], "--folder")):
        assert word in one_line(run("thrash", "calibrate", *arguments, status=2))


def test_flash_is_told_by_its_keys():
    path = trace("flash.toml", HERE.replace('entry = "here"', 'swap = "flash"'))
    pages = []
    for latency in ("10us", "1ms"):
        found = run_json("run", "run", path, "--model", "--no-store", "--set",
                         f"hardware.flash_read_latency={latency}")
        pages.append(sum(v["mean"] for s in found["series"] if s["metric"] == "thrash.pages_in_per_s"
                         for v in s["values"]))
    assert pages[0] > 2 * pages[1] > 0, pages
    for key, value in (("flash_channels", "0"), ("flash_read_rate", "0B"), ("flash_write_rate", "0B")):
        line = one_line(run("run", path, "--model", "--set", f"hardware.{key}={value}", status=2))
        assert key in line, line


def test_controls_are_listed_with_their_parameters():
    rows = run_json("list", "list", "controls")["controls"]
    controls = [row["name"] for row in rows]
    assert {"none", "swap-token", "tpf"} <= set(controls) and controls == sorted(controls)
    runs = {row["name"]: row["runs"] for row in rows}
    assert (runs["none"], runs["swap-token"], runs["tpf"]) == (
        "model, live", "model, live on cgroup v2", "model, live on cgroup v2"), runs
    assert runs["systemd-oomd"] == "live on cgroup v2", runs
    keys = {(row["of"], row["key"]) for row in run_json("list", "list", "parameters")["parameters"]}
    assert ("thrash control swap-token", "timeout") in keys
    assert ("thrash control systemd-oomd", "pressure") in keys


if __name__ == "__main__":
    main(globals())
