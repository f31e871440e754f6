#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Simulations over real memory: images in place of guests, and guests fitted to a scan."""
import json
import os
import random
from pathlib import Path

from brim_cli import PAGE, main, one_line, page, run, run_json, scratch, write_image

FOLDER = scratch("images")
os.environ["BRIM_STORE"] = str(FOLDER / "store.sqlite")
ZERO = bytes(PAGE)
COLUMNS = ("zero_pages", "used_pages", "minimum_pages", "intra_saving_pages", "inter_saving_pages")


def elf_core(path, segments):
    """A core file of guest RAM: segments as (physical address, pages)."""
    offset = 64 + 56 * len(segments)
    headers, bodies = b"", b""
    for address, pages in segments:
        size = len(pages) * PAGE
        headers += b"".join(x.to_bytes(n, "little") for x, n in (
            (1, 4), (6, 4), (offset + len(bodies), 8), (0, 8), (address, 8), (size, 8), (size, 8),
            (0, 8)))
        bodies += b"".join(pages)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    rest = b"".join(x.to_bytes(n, "little") for x, n in (
        (4, 2), (62, 2), (1, 4), (0, 8), (64, 8), (0, 8), (0, 4), (64, 2), (56, 2),
        (len(segments), 2), (0, 2), (0, 2), (0, 2)))
    Path(path).write_bytes(ident + rest + headers + bodies)
    return path


def images():
    """Three guests: contents common to all, to two, of one alone; copies inside; zeros; a hole."""
    common = [page(i) for i in range(120)]
    pair = [page(i) for i in range(1000, 1060)]
    load = [bytes(i % 256 for i in range(PAGE))] * 400
    draw = random.Random(1)
    first = common + pair + load + [ZERO] * 50 + [page(i) for i in range(2000, 2080)]
    second = common + pair + load[:100] + [page(i % 7 + 3000) for i in range(70)]
    third = common + [page(i) for i in range(4000, 4200)] + [ZERO] * 20
    for pages in (first, second, third):
        draw.shuffle(pages)
    sparse = write_image(FOLDER / "a.raw", first)
    with open(sparse, "ab") as file:
        file.truncate(file.tell() + 30 * PAGE)  # a hole: zeros
    return [sparse, write_image(FOLDER / "b.raw", second),
            elf_core(FOLDER / "c.elf", [(0, third[:100]), (0x10000000, third[100:])])]


def scenario(policy, text=""):
    path = FOLDER / "study.toml"
    path.write_text(f'area = "share"\n[schedule]\nduration = "60s"\nsample_interval = "20s"\n'
                    f'[mechanism]\npolicy = "{policy}"\n{text}\n[[guests]]\ncount = 9\n')
    return path


# Fast enough to settle, nothing kept apart.
SETTLED_KSM = "pages_to_scan = 5000\nmax_page_sharing = 0\nuse_zero_pages = true\n"


def final(found, metric):
    (series,) = [s for s in found["series"] if s["metric"] == metric]
    return series["values"][-1]["mean"]


def scanned(files):
    arguments = [word for file in files for word in ("--image", file)]
    return run_json("share-scan", "share", "scan", *arguments, "--beyond", "none")


def simulated(files, path, *arguments):
    return run_json("run", "run", path, "--model", *arguments, "--images", *files)


def test_the_potential_of_images_is_that_of_a_scan():
    files = images()
    potential = scanned(files)["results"][0]["potential"]
    assert potential["intra_saving_pages"] > 100 and potential["inter_saving_pages"] > 100
    assert potential["zero_pages"] == 100
    found = simulated(files, scenario("none"))
    for column in COLUMNS:
        assert final(found, f"share.{column}") == potential[column], column
    assert final(found, "share.saved_bytes") == 0


def test_settled_ksm_saves_the_potential_of_images():
    files = images()
    potential = scanned(files)["results"][0]["potential"]
    found = simulated(files, scenario("ksm", SETTLED_KSM))
    wanted = sum(potential[c] for c in ("intra_saving_pages", "inter_saving_pages", "zero_pages"))
    assert final(found, "share.saved_bytes") == wanted * PAGE
    assert final(found, "share.ram_bytes") == potential["minimum_pages"] * PAGE
    # Too slow to settle: less.
    slow = simulated(files, scenario("ksm", "pages_to_scan = 1\nsleep = \"200ms\"\n"))
    assert final(slow, "share.saved_bytes") < wanted * PAGE / 2


def edited(base, number):
    """The page with thirty bytes changed at random."""
    draw = random.Random(number)
    changed = bytearray(base)
    for _ in range(30):
        changed[draw.randrange(PAGE)] = draw.randrange(256)
    return bytes(changed)


def text_page(number):
    draw = random.Random(number)
    words = [bytes(draw.choices(b"abcdefghij", k=6)) for _ in range(40)]
    return b" ".join(draw.choice(words) for _ in range(600))[:PAGE]


def alike_images():
    """Two guests: pages equal, alike, compressible, neither; zeros."""
    files = []
    for guest in range(2):
        first = guest * 1000
        pages = ([page(i) for i in range(100)] + [page(first + 9000 + i) for i in range(100)]
                 + [edited(page(5000 + i % 60), first + i) for i in range(200)]
                 + [text_page(first + i) for i in range(150)] + [ZERO] * 30)
        random.Random(guest).shuffle(pages)
        files.append(write_image(FOLDER / f"alike{guest}.raw", pages))
    return files


ENGINE = "pages_per_s = 2000\n"


def test_difference_engine_over_images_saves_what_their_bytes_allow():
    files = alike_images()
    arguments = [word for file in files for word in ("--image", file)]
    scan = run_json("share-scan", "share", "scan", *arguments, "--beyond", "exact", "--seed", 1)
    potential = scan["results"][0]["potential"]
    identical = sum(potential[c] for c in ("intra_saving_pages", "inter_saving_pages",
                                           "zero_pages")) - 1  # a frame for those of zeros
    beyond = scan["beyond"]["patch_then_lz4_saving_pages"]
    assert beyond > 300
    found = simulated(files, scenario("difference_engine", ENGINE))
    saved = final(found, "share.saved_bytes") / PAGE
    assert identical + beyond / 2 < saved, (identical, beyond, saved)
    assert abs(saved - identical - beyond) < 0.1 * (identical + beyond), (identical, beyond, saved)
    assert final(found, "share.patched_pages") > 200
    assert final(found, "share.compressed_pages") >= 300
    # What the entry says of contents in general is of no account.
    stated = simulated(files, scenario("difference_engine",
                                       ENGINE + "similar = 1\npatch_size = \"64B\"\n"))
    assert final(stated, "share.stored_bytes") == final(found, "share.stored_bytes")
    assert "the images' bytes" in run("report", "last").stdout
    # Behind holes and in segments of a core: pages are read again where they lie.
    sparse = simulated(images(), scenario("difference_engine", ENGINE))
    assert final(sparse, "share.compressed_pages") == 0  # all that compress are shared


def test_any_number_of_threads_gives_the_same_over_images():
    files = alike_images()
    path = FOLDER / "sweep.toml"
    path.write_text(scenario("none").read_text().replace("[schedule]",
                                                         "[study]\nrepeats = 2\n[schedule]")
                    + '[sweep.over]\n"mechanism.policy" = ["ksm", "difference_engine"]\n')
    exports = []
    for threads in (1, 4):
        assert final(simulated(files, path, "--threads", threads), "share.stored_bytes") > 0
        exports.append(run("export", "last", "--canonical").stdout)
    assert exports[0] == exports[1]


def test_images_are_named_and_what_does_not_fit_them_is_refused():
    files = images()
    found = simulated(files, scenario("none"))
    told = json.dumps(found)
    for name in ("a.raw", "b.raw", "c.elf"):
        assert name in told
        assert name in run("report", "last").stdout
    assert "scale" in one_line(run("run", scenario("none"), "--model", "--set", "study.scale=0.5",
                                   "--images", *files, status=2))
    swept = FOLDER / "swept.toml"
    swept.write_text(scenario("none").read_text() + '[sweep.over]\n"guests.0.count" = [1, 2]\n')
    assert "guests.0.count" in one_line(run("run", swept, "--model", "--images", *files, status=2))
    assert "none.raw" in one_line(run("run", scenario("none"), "--model", "--images",
                                      FOLDER / "none.raw", status=2))
    assert "twice" in one_line(run("run", scenario("none"), "--model", "--images", files[0],
                                   files[0], status=2))
    assert "--model" in one_line(run("run", scenario("none"), "--live", "--images", files[0],
                                     status=2))


def test_a_run_over_other_images_is_not_gone_on_with():
    files = images()
    path = FOLDER / "long.toml"
    path.write_text(scenario("none").read_text().replace("[schedule]",
                                                         "[study]\nrepeats = 2\n[schedule]"))
    simulated(files, path)
    # A complete run is refused for that; what matters is that other bytes are another study.
    first = run("export", "last", "--canonical").stdout
    write_image(FOLDER / "b.raw", [page(9)] * 10)
    simulated(files, path)
    assert run("export", "last", "--canonical").stdout != first


def fit_round_trip(files, name):
    scan = FOLDER / "scan.json"
    scan.write_text(json.dumps(scanned(files)))
    potential = json.loads(scan.read_text())["results"][0]["potential"]
    catalogue = FOLDER / f"{name}.toml"
    run("share", "fit", scan, "--name", name, "--output", catalogue)
    study = FOLDER / "fitted.toml"
    study.write_text(f'area = "share"\n[schedule]\nduration = "1s"\nsample_interval = "1s"\n'
                     f'[mechanism]\npolicy = "none"\n[[guests]]\nentry = "{name}"\n'
                     f'count = {len(files)}\n')
    found = run_json("run", "run", study, "--model", "--catalogue", catalogue)
    for column in COLUMNS:
        # Half a page a guest in each of what a column is made of.
        away = abs(final(found, f"share.{column}") - potential[column])
        assert away <= 2 * len(files), (name, column, away, potential)
    return catalogue.read_text()


def test_a_fitted_guest_has_the_potential_of_the_scan():
    files = images()
    text = fit_round_trip(files, "three")
    assert "assumed" in text and "a.raw" in text and "scan.json" in text
    fit_round_trip(files[:2], "two")
    fit_round_trip(files[:1], "one")
    # Nothing but copies of one content, alike in both.
    same = [write_image(FOLDER / f"same{i}.raw", [page(5)] * 40) for i in range(2)]
    fit_round_trip(same, "same")


def test_a_stored_scan_can_be_fitted_and_what_cannot_is_said():
    files = images()
    scanned(files)
    text = run("share", "fit", "last", "--name", "ours").stdout
    assert "[guest.ours]" in text and "(run " in text
    assert "letters" in one_line(run("share", "fit", "last", "--name", "a b", status=2))
    run("run", scenario("none"), "--model")
    assert "not a scan" in one_line(run("share", "fit", "last", "--name", "x", status=2))
    (FOLDER / "broken.json").write_text("{")
    assert "broken.json" in one_line(run("share", "fit", FOLDER / "broken.json", "--name", "x",
                                         status=2))
    (FOLDER / "other.json").write_text("{}")
    assert "not the result" in one_line(run("share", "fit", FOLDER / "other.json", "--name", "x",
                                            status=2))


if __name__ == "__main__":
    main(globals())
