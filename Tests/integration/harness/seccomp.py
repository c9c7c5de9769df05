"""seccomp.py: exec a program that may not use io_uring.

Container runtimes refuse the three io_uring calls with EPERM, old kernels with
ENOSYS. A seccomp filter does the same to one process and its children:

    python3 seccomp.py EPERM  program argument ...
    python3 seccomp.py ENOSYS program argument ...

The filter is ten instructions of classic BPF over `struct seccomp_data`
{ int nr; u32 arch; u64 ip; u64 args[6] }.
"""
import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW = 0x7FFF0000
SECCOMP_RET_ERRNO = 0x00050000

# The same three numbers on every architecture that came after 2019's unification.
IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER = 425, 426, 427

LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K


def instruction(code, on_true, on_false, operand):
    return struct.pack("=HBBI", code, on_true, on_false, operand)


def filter_program(error_number):
    return b"".join([
        instruction(LOAD_WORD, 0, 0, 0),  # the call's number
        instruction(JUMP_EQUAL, 3, 0, IO_URING_SETUP),
        instruction(JUMP_EQUAL, 2, 0, IO_URING_ENTER),
        instruction(JUMP_EQUAL, 1, 0, IO_URING_REGISTER),
        instruction(RETURN, 0, 0, SECCOMP_RET_ALLOW),
        instruction(RETURN, 0, 0, SECCOMP_RET_ERRNO | error_number),
    ])


def deny_io_uring(error_number):
    """Refuses io_uring to this process and everything it execs, for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = filter_program(error_number)
    instructions = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog { unsigned short len; struct sock_filter *filter; }
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(instructions))
    holder = ctypes.create_string_buffer(program, len(program))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, holder, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


if __name__ == "__main__":
    deny_io_uring(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
