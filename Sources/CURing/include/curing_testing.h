// curing_testing.h: making the calling thread a thread to which io_uring is refused. For tests.
#ifndef MARTLET_CURING_TESTING_H
#define MARTLET_CURING_TESTING_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

// The three system calls, by the numbers that they have on every architecture.
#define CURING_CALL_SETUP    425
#define CURING_CALL_ENTER    426
#define CURING_CALL_REGISTER 427

// From now on this system call fails with `code` in this thread and in its children; 0 kills the process.
static inline int curing_refuse(unsigned call, unsigned code) {
  struct sock_filter instructions[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, code ? SECCOMP_RET_ERRNO | (code & SECCOMP_RET_DATA) : SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { .len = sizeof instructions / sizeof *instructions, .filter = instructions };
  if (syscall(__NR_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0) < 0) return -errno;
  return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

#endif
