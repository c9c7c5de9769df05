"""settings.py: how much is done, and from which seed; run.py sets it from its command line."""

seed = 0
"""0: taken from the clock, and printed."""
kills = 300
"""kill -9 cycles."""
cuts = 40
"""Power cuts, half on ext4, half on XFS; as many again on the disk that forgets."""
