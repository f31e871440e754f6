#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Studies shared among the ranks of mpirun."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from brim_cli import BRIM, main, one_line, page, run, run_json, scratch, write_image

FOLDER = scratch("ranks")
os.environ["BRIM_STORE"] = str(FOLDER / "store.sqlite")
# Open MPI refuses root and more ranks than processors unless told; one processor a rank is enough.
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe"]
DRAWN = ["run", "share-ksm", "--model", "--set", "study.scale=0.02",
         "--set", "loads.synthetic.positions=algorithm"]
LONG = [*DRAWN, "--set", "study.repeats=60", "--threads", "1"]


def mpirun(ranks, *arguments, status=0):
    done = subprocess.run([*MPIRUN, "-n", str(ranks), BRIM, *map(str, arguments)],
                          capture_output=True, text=True, timeout=300)
    assert status is None or done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done


def of_brim(done):
    """Lines of brim on standard error, without mpirun's."""
    return [line for line in done.stderr.splitlines() if line.startswith("brim:")]


def canonical(run_id="last"):
    return run("export", run_id, "--canonical").stdout


def newest():
    return run_json("runs", "runs", "--limit", "1")["runs"][0]


def children(process):
    """The ranks that mpirun started, in order."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    ranks = {}
    for pid in text.split():
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        for variable in variables:
            if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
                ranks[int(variable.split(b"=")[1])] = int(pid)
    return [ranks[rank] for rank in sorted(ranks)]


def processor_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def has_mpi(pid):
    return "libmpi" in Path(f"/proc/{pid}/maps").read_text()


def started(command):
    """A run in the middle of its work."""
    before = len(run_json("runs", "runs")["runs"])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 120
    while time.time() < deadline:
        if len(run_json("runs", "runs")["runs"]) > before and len(canonical(newest()["id"]).splitlines()) > 200:
            return process
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("no sample was recorded")


def test_any_number_of_ranks_and_threads_gives_the_same_bytes():
    arguments = [*DRAWN, "--set", "study.repeats=3"]
    run(*arguments, "--threads", 1)
    expected = canonical()
    assert len(expected.splitlines()) > 1000
    for ranks, threads in ((1, 2), (2, 0), (2, 3), (4, 1)):
        before = len(run_json("runs", "runs")["runs"])
        mpirun(ranks, *arguments, "--threads", threads)
        assert len(run_json("runs", "runs")["runs"]) == before + 1, "one run, whatever the ranks"
        assert canonical() == expected, (ranks, threads)
    mpirun(2, *arguments, "--set", "study.seed=2")
    assert canonical() != expected


def test_every_rank_computes_and_mpi_is_there_under_mpirun_alone():
    process = started([*MPIRUN, "-n", "3", BRIM, *LONG])
    ranks = children(process)
    assert len(ranks) == 3
    assert all(has_mpi(rank) for rank in ranks)
    before = [processor_ticks(rank) for rank in ranks]
    time.sleep(1)
    worked = [processor_ticks(rank) - ticks for rank, ticks in zip(ranks, before)]
    # Of one second, on however few processors: 10 ms at least.
    assert min(worked) > 1, worked
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    process = started([BRIM, *LONG])
    assert not has_mpi(process.pid)
    process.kill()
    process.communicate()
    assert "libmpi" not in subprocess.run(["ldd", BRIM], capture_output=True, text=True).stdout


def test_ctrl_c_and_resume_under_mpirun():
    run(*LONG)
    whole = canonical()
    process = started([*MPIRUN, "-n", "3", BRIM, *LONG])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    part = newest()
    assert part["status"] == "interrupted", part
    assert len(canonical(part["id"]).splitlines()) < len(whole.splitlines())
    mpirun(3, *LONG, "--resume", part["id"])
    assert newest()["id"] == part["id"] and newest()["status"] == "complete"
    assert canonical(part["id"]) == whole


def test_a_stop_of_the_first_rank_stops_all_in_order():
    process = started([*MPIRUN, "-n", "3", BRIM, *LONG, "--format", "json"])
    os.kill(children(process)[0], signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, process.returncode
    assert '"tasks_done"' in out
    found = run_json("run", "report", newest()["id"])
    assert newest()["status"] == "interrupted" and 0 < found["tasks_done"] < found["tasks"]


def test_a_killed_rank_ends_the_run_and_the_store_says_so():
    for killed in (2, 0):
        process = started([*MPIRUN, "-n", "3", BRIM, *LONG])
        os.kill(children(process)[killed], signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode != 0
        assert newest()["status"] == "interrupted", (killed, newest())
        assert len(canonical(newest()["id"]).splitlines()) > 200


def test_what_is_wrong_is_said_once():
    for arguments in (["run", "share-ksn", "--model"], ["run", "share-ksm", "--modle"],
                      [*DRAWN, "--output", "/nowhere/at/all"]):
        alone = one_line(run(*arguments, status=2))
        assert of_brim(mpirun(3, *arguments, status=2)) == [alone]


def test_ranks_that_differ_are_told_apart():
    own = FOLDER / "own.toml"
    own.write_text('area = "share"\n[mechanism]\npolicy = "none"\n[[guests]]\n')
    none = FOLDER / "none.toml"
    for second, wanted in ((own, "rank 1: has another scenario"), (none, f"rank 1: {none}")):
        done = subprocess.run([*MPIRUN, "-n", "1", BRIM, *DRAWN, ":",
                               "-n", "1", BRIM, "run", str(second), "--model"],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 2, done.returncode
        (line,) = of_brim(done)
        assert wanted in line, line
        assert newest()["status"] == "failed", newest()


def test_ranks_work_over_the_same_images():
    files = [write_image(FOLDER / f"{i}.raw", [page(n % 40) for n in range(i, 300)]) for i in (1, 2)]
    arguments = ["run", "share-ksm", "--model", "--set", "study.scale=1", "--set",
                 "schedule.duration=60s", "--images"]
    run(*arguments, *files)
    alone = canonical()
    mpirun(2, *arguments, *files)
    assert canonical() == alone
    done = subprocess.run([*MPIRUN, "-n", "1", BRIM, *arguments, str(files[0]), ":",
                           "-n", "1", BRIM, *arguments, str(files[1])],
                          capture_output=True, text=True, timeout=120)
    assert "rank 1: has another scenario" in of_brim(done)[0], done.stderr


def test_a_published_study_is_shared_too_and_other_commands_are_not():
    arguments = ["reproduce", "share", "--scale", "0.02", "--only", "kvm-1,vmware-1",
                 "--format", "json", "--no-store"]
    alone = run(*arguments, status=None)
    assert mpirun(2, *arguments, status=None).stdout.replace("\r", "") == alone.stdout
    assert mpirun(3, "list", "metrics", "--format", "json").stdout.count('"brim.list/1"') == 1


def test_without_its_library_brim_says_what_is_missing():
    hidden = FOLDER / "brim"
    hidden.write_bytes(Path(BRIM).read_bytes())
    hidden.chmod(0o755)
    done = subprocess.run([*MPIRUN, "-n", "2", str(hidden), *DRAWN], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 3
    (line,) = of_brim(done)
    assert "brim-mpi" in line, line
    assert run(*DRAWN).returncode == 0


if __name__ == "__main__":
    if not (Path(BRIM).parents[1] / "lib/brim/libbrim-mpi.so").exists():
        print("SKIP: brim was built without MPI (libopenmpi-dev)")
        sys.exit(77)
    main(globals())
