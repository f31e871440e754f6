# SPDX-License-Identifier: Apache-2.0
"""The program as a user meets it: results, formats, wrong input, interruption."""
import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

from brim_cli import BRIM, PAGE, SOURCE, main, one_line, page, run, run_json, scratch, write_image

WORK = scratch("cli")
os.environ["BRIM_STORE"] = str(WORK / "store/brim.sqlite")
os.environ["BRIM_STATE_DIR"] = str(WORK / "state")
ZERO = bytes(PAGE)
# a: pages 1 1 2 3 0 0; b: pages 1 3 4 4 4 0.
A = write_image(WORK / "a.raw", [page(1), page(1), page(2), page(3), ZERO, ZERO])
B = write_image(WORK / "b.raw", [page(1), page(3), page(4), page(4), page(4), ZERO])


def scan(*arguments, **options):
    return run_json("share-scan", "share", "scan", *arguments, **options)


def test_counts_are_those_planted():
    result = scan("--image", A, "--image", B)["results"][0]
    assert result["potential"] == {"zero_pages": 3, "used_pages": 9, "minimum_pages": 4,
                                   "intra_saving_pages": 3, "inter_saving_pages": 2}
    a, b = result["subjects"]
    assert (a["zero_pages"], a["used_pages"], a["distinct_pages"], a["intra_saving_pages"],
            a["inter_saving_pages"]) == (2, 4, 3, 1, 2), a
    assert (b["zero_pages"], b["used_pages"], b["distinct_pages"], b["intra_saving_pages"]) == (1, 5, 3, 2), b


def test_a_last_partial_page_is_padded_and_counted():
    image = write_image(WORK / "partial.raw", [page(1)], tail=b"abc")
    same = write_image(WORK / "padded.raw", [b"abc" + bytes(PAGE - 3)])
    result = scan("--image", image, "--image", same)["results"][0]
    assert result["padded_pages"] == 1
    assert result["potential"]["inter_saving_pages"] == 1


def test_groups_name_copies_and_pattern():
    image = write_image(WORK / "pattern.raw",
                        [bytes(i % 256 for i in range(PAGE))] * 50 + [b"\xff" * PAGE] * 40)
    groups = scan("--image", image)["groups"]
    assert [g["copies"] for g in groups] == [50, 40]
    assert "count" in groups[0]["pattern"] and "ff" in groups[1]["pattern"], groups


def test_matrix_is_symmetric_with_distinct_on_the_diagonal():
    result = scan("--image", A, "--image", B)
    assert result["matrix"]["shared_contents"] == [[3, 2], [2, 3]], result["matrix"]


def test_both_page_sizes():
    blocks = [page(i) for i in range(512)]
    image = write_image(WORK / "huge.raw", blocks + blocks + blocks[:511] + [page(999)])
    result = scan("--image", image, "--page-size", "both")
    small, huge = result["results"]
    assert (small["page_size_bytes"], huge["page_size_bytes"]) == (4096, 2097152)
    assert small["potential"]["intra_saving_pages"] == 1023
    assert huge["potential"]["used_pages"] == 3
    assert huge["potential"]["intra_saving_pages"] == 1
    assert abs(result["hidden_by_huge_pages_percent"] - 100 * 511 / 1023) < 0.1
    assert len(scan("--image", image, "--page-size", "2M")["results"]) == 1


def test_confirm_and_threads_do_not_change_the_counts():
    plain = scan("--image", A, "--image", B)["results"]
    for extra in (["--confirm"], ["--threads", "1"], ["--threads", "4"], ["--beyond", "exact"]):
        assert scan("--image", A, "--image", B, *extra)["results"] == plain, extra


def test_hashes_are_keyed_per_run_unless_stable():
    image = write_image(WORK / "pair.raw", [page(7), page(7)])

    def hash_of(*extra):
        return scan("--image", image, *extra)["groups"][0]["hash"]

    assert hash_of() != hash_of()
    assert hash_of("--stable-hash") == hash_of("--stable-hash")


def test_text_csv_and_html():
    text = run("share", "scan", "--image", A, "--image", B).stdout
    assert "Identical pages hold" in text
    rows = run("share", "scan", "--image", A, "--format", "csv", "--table", "potential").stdout
    assert rows.splitlines()[0].startswith("page_size,zero_pages,used_pages"), rows
    html = WORK / "report.html"
    run("share", "scan", "--image", A, "--html", html)
    body = html.read_text()
    assert body.startswith("<!DOCTYPE html>") and "echarts" in body
    assert not [f for f in WORK.iterdir() if f.name.endswith(".part")]
    message = one_line(run("share", "scan", "--image", A, "--format", "csv", "--table", "nope", status=2))
    assert "potential" in message


def test_runs_report_export_compare():
    run("share", "scan", "--image", A, "--label", "first")
    run("share", "scan", "--image", A, "--image", B)
    runs = run_json("runs", "runs", "--limit", "2")
    assert [r["command"] for r in runs["runs"]] == ["share scan", "share scan"], runs
    last, before = [r["id"] for r in runs["runs"]]
    stored = json.loads(run("report", last, "--format", "json").stdout)
    assert stored["results"][0]["potential"]["used_pages"] == 9
    assert "runs" in run("report", before, last).stdout
    assert "share.used_pages" in run("export", last).stdout
    run_json("compare", "compare", before, last)
    message = one_line(run("report", "999999", status=2))
    assert "999999" in message
    one_line(run("report", "abc", status=2))


def test_over_time_on_a_file_that_changes():
    image = write_image(WORK / "live.raw", [page(i) for i in range(64)])
    process = subprocess.Popen([BRIM, "share", "scan", "--image", image, "--every", "1s", "--for",
                                "2s", "--format", "json"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    with open(image, "r+b") as file:
        file.write(page(100))
    looks = json.loads(process.communicate(timeout=60)[0])["looks"]
    assert process.returncode == 0
    assert len(looks) == 3
    assert looks[0]["churned_pages"] is None
    assert sum(look["churned_pages"] for look in looks[1:]) == 1, looks


def test_lab_start_refuses_what_it_can_not_do():
    cache = WORK / "lab-cache"
    cache.mkdir()
    cases = [
        (["--load", "byte=1MiB"], 2, "did you mean 'bytes'"),
        (["--load", "mariadb,client=1"], 2, "did you mean 'clients'"),
        (["--memory", "12"], 2, "--memory"),
        (["--count", "0"], 2, "--count"),
        (["--every", "1ms"], 2, "--every"),
        (["--for", "soon"], 2, "--for"),
        (["--kernel", "6.12-clod"], 2, "did you mean '6.12-cloud'"),
        (["--kernel", "/no/such/kernel"], 2, "/no/such/kernel"),
        (["--initrd", "/no/such/initrd"], 2, "--initrd"),
        (["--load", "idle"], 3, "brim lab prepare --only initramfs"),
    ]
    for arguments, status, expected in cases:
        message = one_line(run("lab", "start", "--cache", cache, *arguments, status=status))
        assert expected in message, (arguments, message)
    message = one_line(run("lab", "start", "--cache", WORK / "no-cache", status=3))
    assert "brim lab prepare" in message, message


def test_a_group_of_commands_alone_shows_its_usage():
    assert "Usage: brim share [OPTIONS]" in run("share", status=2).stderr


def test_wrong_input_is_one_line_and_status_2():
    empty = write_image(WORK / "empty.raw", [])
    cases = [
        (["share", "scan", "--image", WORK / "absent.raw"], "absent.raw"),
        (["share", "scan", "--image", empty], "empty"),
        (["share", "scan", "--image", ""], "file name is empty"),
        (["share", "scan", "--image", A, "--format", "csv", "--table", "time"], "--every"),
        (["share", "scan", "--image", WORK], str(WORK)),
        (["share", "scan", "--image", A, "--image", A], "twice"),
        (["share", "scan", "--pid", "999999999"], "999999999"),
        (["share", "scan", "--pid", "1", "--pid", "1"], "twice"),
        (["share", "scan", "--image", A, "--sample", "0%"], "--sample"),
        (["share", "scan", "--image", A, "--every", "5"], "--for"),
        (["share", "scan", "--image", A, "--every", "5", "--for", "1s"], "--every"),
        (["share", "scan", "--image", A, "--page-size", "3K"], "page-size"),
        (["share", "scan", "--imgae", A], "--image"),
        (["shaer", "scan"], "share"),
        (["share", "scan", "--image", A, "--output", "/proc/nothing/here"], "/proc/nothing/here"),
        (["--root", WORK / "nowhere", "doctor"], "nowhere"),
    ]
    for arguments, expected in cases:
        done = subprocess.run([BRIM, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, (arguments, done.returncode, done.stderr)
        assert expected in one_line(done), (arguments, done.stderr)


def test_a_truncated_elf_core_names_file_and_byte():
    header = bytearray(64)
    header[:16] = b"\x7fELF\x02\x01\x01" + bytes(9)
    header[16:18] = (4).to_bytes(2, "little")
    header[18:20] = (62).to_bytes(2, "little")
    header[20:24] = (1).to_bytes(4, "little")
    header[32:40] = (64).to_bytes(8, "little")
    header[52:54] = (64).to_bytes(2, "little")
    header[54:56] = (56).to_bytes(2, "little")
    header[56:58] = (60000).to_bytes(2, "little")
    image = WORK / "truncated.elf"
    image.write_bytes(bytes(header))
    message = one_line(run("share", "scan", "--image", image, status=2))
    assert "truncated.elf" in message


def test_no_half_written_file_when_the_disk_is_full():
    if not os.path.exists("/dev/full"):
        return
    one_line(run("share", "scan", "--image", A, "--output", "/dev/full", status=2))
    with open("/dev/full", "w") as full:
        done = subprocess.run([BRIM, "share", "scan", "--image", str(A)], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "standard output" in done.stderr, done.stderr


def test_no_progress_in_a_pipe_and_no_overflow_in_a_narrow_terminal():
    assert "\r" not in run("share", "scan", "--image", A).stderr
    reader, writer = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 44, 0, 0))
    done = subprocess.run([BRIM, "share", "scan", "--image", str(A), "--image", str(B)],
                          stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    text = b""
    try:
        while chunk := os.read(reader, 65536):
            text += chunk
    except OSError:
        pass
    assert done.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text.decode())
    wide = [line for line in plain.splitlines() if len(line) > 44 and " " in line.strip()]
    assert not wide, wide


def test_interrupted_in_the_middle_gives_a_partial_result():
    image = WORK / "big.raw"
    with open(image, "wb") as file:
        block = b"".join(page(i) for i in range(256))
        for i in range(1024):
            file.write(i.to_bytes(8, "little") + block[8:])
    process = subprocess.Popen([BRIM, "share", "scan", "--image", str(image), "--threads", "1",
                                "--second-look", "20s", "--format", "json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (process.returncode, err)
    assert json.loads(out)["partial"] is True
    newest = run_json("runs", "runs", "--limit", "1")["runs"][0]
    assert newest["status"] == "interrupted", newest
    image.unlink()


def test_killed_in_the_middle_leaves_a_store_that_says_so():
    process = subprocess.Popen([BRIM, "share", "scan", "--image", str(A), "--every", "200ms", "--for", "60s"],
                               stdout=subprocess.DEVNULL)
    time.sleep(1.5)
    process.kill()
    process.wait()
    newest = run_json("runs", "runs", "--limit", "1")["runs"][0]
    assert newest["status"] == "interrupted", newest
    assert len(run("export", newest["id"]).stdout.splitlines()) > 10


def test_doctor_list_restore_follow_their_schemas():
    found = run_json("doctor", "doctor")
    names = [c["name"] for c in found["capabilities"]]
    assert len(names) == len(set(names)) and "ksm" in names
    for capability in found["capabilities"]:
        assert capability["works"] == "yes" or capability["reason"], capability
    assert run_json("list", "list", "metrics")["metrics"]
    assert len(run_json("list", "list", "causes")["causes"]) == 9
    assert run_json("restore", "restore")["changes"] == []


def test_doctor_on_fixture_hosts():
    for case in sorted((SOURCE / "tests/fixtures/hosts").iterdir()):
        by_name = {c["name"]: c for c in
                   run_json("doctor", "--root", case, "doctor")["capabilities"]}
        if case.name == "no-ksm":
            assert by_name["ksm"]["works"] == "no", by_name["ksm"]
        if case.name == "debian-6.1":
            assert by_name["ksm_smart_scan"]["works"] == "no"


def test_version_help_and_manual():
    assert "revision" in run("--version").stdout
    for command in ([], ["share"], ["share", "scan"], ["doctor"], ["runs"], ["report"], ["export"],
                    ["compare"], ["restore"], ["list"], ["run"], ["reproduce"], ["lab"],
                    ["lab", "prepare"], ["lab", "start"]):
        assert "Example" in run(*command, "--help").stdout, command
    assert run(status=2).stdout == ""


if __name__ == "__main__":
    main(globals())
