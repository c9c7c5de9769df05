"""test_tails.py: what may stand behind the last sound batch of the last file, byte by byte.

A power cut leaves any subset of the sectors of a batch that was not synced: its first missing, its last, one
in the middle; preallocation leaves zeros. All of that is a torn tail: it is cut off, said, and the server
starts with everything before. Damage with sound batches behind it is something else: it is not started on.
"""
import contextlib
import os
import shutil
import tempfile

from harness.runner import expect, test

from target import Refused, Target

SECTOR = b"\0" * 512


@contextlib.contextmanager
def two_states():
    """(target, path of the increment, its bytes with five keys, the bytes that a large batch adds)"""
    directory = tempfile.mkdtemp(prefix="martlet-tail-")
    target = Target(directory)
    try:
        target.start()
        for number in range(5):
            expect(target.call("SET", f"k{number}", "v" * 100), "OK")
        target.kill()
        folder = os.path.join(directory, "appendonlydir")
        path = os.path.join(folder, next(name for name in sorted(os.listdir(folder)) if ".incr." in name))
        with open(path, "rb") as file:
            sound = file.read()
        target.start()
        expect(target.call("SET", "large", "B" * 3000), "OK")
        target.kill()
        with open(path, "rb") as file:
            batch = file.read()[len(sound):]
        yield target, path, sound.rstrip(b"\0"), batch.rstrip(b"\0")
    finally:
        if target.is_alive():
            target.kill()
        target.destroy()
        shutil.rmtree(directory, ignore_errors=True)


def starts_with(target, path, data):
    with open(path, "wb") as file:
        file.write(data)
    target.start()
    try:
        return target.call("DBSIZE")
    finally:
        target.kill()


@test(on="martlet", limit=120)
def a_torn_batch_is_cut_off_wherever_it_is_torn(start):
    with two_states() as (target, path, sound, batch):
        tails = {
            "zeros": SECTOR * 3,
            "its beginning": batch[:700],
            "a few bytes of it": batch[:9],
            "its beginning, then zeros": batch[:1024] + SECTOR * 5,
            "without its first sector": SECTOR + batch[512:],
            "without a sector in the middle": batch[:1024] + SECTOR + batch[1536:],
            "without its last bytes": batch[:-20] + b"\0" * 20,
            "without its first sector and its end": SECTOR + batch[512:1024] + SECTOR,
            "only its last sector": b"\0" * (len(batch) - 512) + batch[-512:],
        }
        problems = []
        for name, tail in tails.items():
            try:
                keys = starts_with(target, path, sound + tail)
                if keys != 5:
                    problems.append(f"a batch torn to {name}: {keys} keys instead of 5")
            except Refused as error:
                problems.append(f"a batch torn to {name}: {error}")
        assert not problems, "\n".join(problems)


@test(on="martlet", limit=120)
def after_a_cut_tail_it_goes_on(start):
    with two_states() as (target, path, sound, batch):
        expect(starts_with(target, path, sound + batch[:1500]), 5)
        target.start()
        expect(target.call("SET", "more", "1"), "OK")
        target.kill()
        target.start()
        expect(target.call("DBSIZE"), 6)


@test(on="martlet", limit=120)
def damage_before_sound_batches_is_refused(start):
    """A bit that a disk has turned, under `always`: what follows was acknowledged, so nothing may be cut off."""
    with two_states() as (target, path, sound, batch):
        at = sound.index(b"k1") + 20
        damaged = sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1:] + batch
        try:
            keys = starts_with(target, path, damaged)
        except Refused:
            return
        raise AssertionError(f"it started with {keys} keys and said nothing of the damage")
