#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""brim share plan and brim guard, as users call them, on hosts of plain files."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import jsonschema
from brim_cli import BRIM, SOURCE, main, one_line, run, run_json, scratch

FOLDER = scratch("guard")
os.environ["BRIM_STORE"] = str(FOLDER / "store.sqlite")
os.environ["BRIM_STATE_DIR"] = str(FOLDER / "state")
HOSTS = SOURCE / "tests/fixtures/hosts"
KNOB = "sys/kernel/mm/ksm/"


def copied(name):
    """A fixture that may be written to."""
    host = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=FOLDER)) / "root"
    shutil.copytree(HOSTS / name, host, symlinks=True)
    return host


def knobs(host):
    return {path.name: path.read_text() for path in (host / KNOB).iterdir()}


def test_a_plan_names_knobs_and_reasons():
    found = run_json("share-plan", "--root", HOSTS / "debian-6.18-hybrid", "share", "plan")
    assert found["phase"] == "scanning" and found["subjects"] == 1, found
    changes = {change["knob"]: change for change in found["changes"]}
    assert changes["run"]["value"] == "1" and changes["run"]["reason"]
    assert "% of a processor" in changes["pages_to_scan"]["reason"]
    text = run("--root", HOSTS / "debian-6.18-hybrid", "share", "plan").stdout
    assert "ksmd should be scanning" in text and "can be given to further guests" in text, text


def pages_per_s(plan):
    """At most: as if looking took no time."""
    values = {"sleep_millisecs": 20, **{c["knob"]: c["value"] for c in plan["changes"]}}
    return 1000 * int(values["pages_to_scan"]) / int(values["sleep_millisecs"])


def test_the_policy_is_heard():
    host = HOSTS / "debian-6.18-hybrid"
    policy = FOLDER / "policy.toml"
    policy.write_text('[share]\ngoal = "pressure"\nfree_threshold_percent = 1\n')
    found = run_json("share-plan", "--root", host, "share", "plan", "--policy", policy)
    assert found["phase"] == "resting" and found["goal"] == "pressure" and not found["changes"], found
    found = run_json("share-plan", "--root", host, "share", "plan", "--policy", policy,
                     "--set", "share.goal=density", "--set", "share.trust_groups=ours=none*")
    assert found["phase"] == "scanning"
    slow = run_json("share-plan", "--root", host, "share", "plan", "--set", "share.most_pages_per_s=1000")
    fast = run_json("share-plan", "--root", host, "share", "plan")
    assert pages_per_s(slow) < 1100 and pages_per_s(fast) > 20_000, (slow, fast)


def test_ksmtuneds_configuration_is_read():
    host = copied("debian-6.18-hybrid")
    (host / "etc").mkdir()
    (host / "etc/ksmtuned.conf").write_text("KSM_NPAGES_MAX=50\nKSM_SLEEP_MSEC=50\nKSM_COLOUR=1\n")
    done = run("--root", host, "share", "plan", "--format", "json")
    assert "line 3: 'KSM_COLOUR'" in done.stderr, done.stderr
    assert pages_per_s(json.loads(done.stdout)) < 1100, done.stdout


def test_what_is_wrong_is_said_in_a_line():
    host = ("--root", HOSTS / "debian-6.18-hybrid")
    for command in (("share", "plan"), ("guard", "--once", "--only", "share")):
        assert "goal" in one_line(run(*host, *command, "--set", "share.gaol=density", status=2))
        one_line(run(*host, *command, "--set", "share.goal", status=2))
        one_line(run(*host, *command, "--policy", FOLDER / "none.toml", status=2))
        assert "no KSM" in one_line(run("--root", HOSTS / "no-ksm", *command, status=3))
    bad = FOLDER / "bad.toml"
    bad.write_text("[share]\ncpu_budget_percent = 0\n")
    assert "bad.toml:2" in one_line(run(*host, "share", "plan", "--policy", bad, status=2))
    assert "live" in one_line(run(*host, "share", "plan", "--scan", status=2))
    one_line(run(*host, "guard", "--only", "pack", status=2))
    for command in (("thrash", "plan"), ("guard", "--once", "--only", "thrash")):
        assert "most_wait" in one_line(run(*host, *command, "--set", "thrash.most_wiat=1s", status=2))
        assert "longer than 0" in one_line(run(*host, *command, "--set", "thrash.most_wait=0s", status=2))
        assert "team" in one_line(run(*host, *command, "--set", "thrash.together=a", status=2))
        assert "no cgroup" in one_line(run(*host, *command, "--scope", "/none", status=2))
    assert "live" in one_line(run(*host, "guard", "--act", "--only", "thrash", status=3))
    one_line(run(*host, "guard", "--act", "--once", status=2))
    one_line(run(*host, "guard", "--act", "--advise", status=2))
    one_line(run(*host, "guard", "--interval", "5", status=2))


def events(text):
    schema = json.loads((SOURCE / "data/schemas/guard-log.schema.json").read_text())
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        jsonschema.Draft202012Validator(schema).validate(line)
    return lines


def test_advising_changes_nothing():
    host = copied("debian-6.18-hybrid")
    before = knobs(host)
    lines = events(run("--root", host, "guard", "--once", "--format", "json").stdout)
    assert [line["event"] for line in lines if line["area"] == "thrash"] == ["started", "domain"], lines
    lines = [line for line in lines if line["area"] == "share"]
    assert [line["event"] for line in lines][:2] == ["started", "phase"] and not lines[0]["act"]
    assert all(not line["done"] for line in lines if line["event"] == "change")
    assert knobs(host) == before


def test_a_calm_host_has_nothing_to_do_against_thrashing():
    for fixture, domains in (("debian-6.18-hybrid", ["host"]), ("group-hybrid", ["host", "/brim-group-a"])):
        found = run_json("thrash-plan", "--root", HOSTS / fixture, "thrash", "plan")
        assert [domain["name"] for domain in found["domains"]] == domains, found
        assert not found["actions"] and not any(domain["thrashes"] for domain in found["domains"])
    text = run("--root", HOSTS / "group-hybrid", "thrash", "plan").stdout
    assert "Nothing thrashes" in text, text
    found = run_json("thrash-plan", "--root", HOSTS / "group-hybrid", "thrash", "plan", "--scope", "brim-group-a")
    assert [domain["name"] for domain in found["domains"]] == ["/brim-group-a"], found


def test_areas_that_are_missing_here_are_told_and_the_others_run():
    lines = events(run("--root", HOSTS / "no-ksm", "guard", "--once", "--format", "json").stdout)
    assert [(line["area"], line["event"]) for line in lines][:2] == [("share", "problem"), ("thrash", "started")]


def acting(host):
    """A guard that has set KSM running on a host of files."""
    process = subprocess.Popen([BRIM, "--root", host, "guard", "--act", "--only", "share",
                                "--format", "json"], stdout=subprocess.PIPE, text=True)
    deadline = time.time() + 60
    while (host / KNOB / "run").read_text().strip() != "1":
        assert time.time() < deadline and process.poll() is None
        time.sleep(0.02)
    return process


def test_stopped_it_puts_back_what_it_changed():
    for stop in (signal.SIGTERM, signal.SIGINT):
        host = copied("debian-6.18-hybrid")
        before = {name: text.split() for name, text in knobs(host).items()}
        process = acting(host)
        process.send_signal(stop)
        lines = events(process.communicate(timeout=60)[0])
        assert process.returncode == 0, process.returncode
        assert {name: text.split() for name, text in knobs(host).items()} == before
        assert any(line["event"] == "restored" for line in lines)


def test_after_a_kill_restore_puts_it_back():
    host = copied("debian-6.18-hybrid")
    before = {name: text.split() for name, text in knobs(host).items()}
    process = acting(host)
    process.kill()
    process.wait()
    assert (host / KNOB / "run").read_text().strip() == "1"
    restored = run_json("restore", "--root", host, "restore")
    assert {change["outcome"] for change in restored["changes"]} <= {"restored"}, restored
    assert {name: text.split() for name, text in knobs(host).items()} == before


def test_policies_are_listed_with_the_rest():
    parameters = run_json("list", "list", "parameters")["parameters"]
    keys = {p["key"]: p["default"] for p in parameters if p["of"] == "share policy"}
    assert keys["goal"] == "density" and "price_gib_s" in keys
    keys = {p["key"]: p["default"] for p in parameters if p["of"] == "thrash policy"}
    assert keys["most_wait"] == "30s" and "protected" in keys


def test_the_tuner_runs_in_the_model():
    found = run_json("run", "run", "share-ksm", "--model", "--no-store", "--set", "study.scale=0.02",
                     "--set", "mechanism.tuner=brim")
    saved = [s for s in found["series"] if s["metric"] == "share.saved_bytes"]
    assert saved and saved[0]["values"][-1]["mean"] > 2**30


if __name__ == "__main__":
    main(globals())
