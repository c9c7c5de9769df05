"""Disks that fail, lie, fill up and lose power: standard library, a C compiler and root.

space.py      a private mount namespace, and what this machine lets us do
tools.py      C programs compiled when they are needed
loop.py       small ext4 and XFS images whose power can be cut (FS_IOC_SHUTDOWN)
fault.py      a FUSE file system that delays, fails, shortens, hangs and forgets (faultfs/)
control.py    a program that appends and syncs and can be trusted: the control of a power cut
"""
