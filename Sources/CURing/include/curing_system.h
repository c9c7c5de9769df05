// curing_system.h: system headers that Swift's Glibc module leaves out, and calls that it cannot make.
#ifndef MARTLET_CURING_SYSTEM_H
#define MARTLET_CURING_SYSTEM_H

// Edges of epoll, as plain numbers: EPOLLET is an enumerator of its own type.
#define CURING_EPOLL_EDGE (1U << 31)

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>
#include "curing_constants.h"

// open(2) is variadic, and Swift imports no variadic functions.
static inline int curing_openat(int directory, const char *path, int flags, mode_t mode) {
  return openat(directory, path, flags, mode);
}

/// pwritev2 of one piece: `flags` are RWF_*.
static inline ssize_t curing_pwrite(int descriptor, const void *memory, size_t count, int64_t offset, int flags) {
  extern ssize_t pwritev2(int, const struct iovec *, int, off_t, int);
  const struct iovec piece = {.iov_base = (void *)memory, .iov_len = count};
  return pwritev2(descriptor, &piece, 1, offset, flags);
}

/// Opens an existing file for writing past the page cache.
static inline int curing_open_direct(const char *path) { return open(path, O_WRONLY | __O_DIRECT | O_CLOEXEC); }

/// The magic number of the file system that an open file is on; 0 if it does not say.
static inline uint64_t curing_file_system(int descriptor) {
  struct statfs facts;
  return fstatfs(descriptor, &facts) == 0 ? (uint64_t)facts.f_type : 0;
}

static inline int curing_accept(int listener) {
  extern int accept4(int, struct sockaddr *, socklen_t *, int);
  return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// struct epoll_event is packed, which Swift does not import field by field.
static inline int curing_epoll_control(int epoll, int operation, int descriptor, uint32_t events) {
  struct epoll_event event = { .events = events, .data = { .fd = descriptor } };
  return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}
static inline uint32_t curing_event_mask(const struct epoll_event *event) { return event->events; }
static inline int curing_event_descriptor(const struct epoll_event *event) { return event->data.fd; }

// getrusage's argument is an enum in glibc and an int elsewhere.
static inline int curing_usage_self(struct rusage *usage) { return getrusage(RUSAGE_SELF, usage); }
static inline int curing_usage_thread(struct rusage *usage) { return getrusage((__rusage_who_t)1, usage); }
static inline int curing_usage_children(struct rusage *usage) { return getrusage(RUSAGE_CHILDREN, usage); }

static inline int curing_get_file_limit(struct rlimit *limit) { return getrlimit(RLIMIT_NOFILE, limit); }
static inline int curing_set_file_limit(const struct rlimit *limit) { return setrlimit(RLIMIT_NOFILE, limit); }

// Cores that this process may run on, or a negated errno.
static inline int curing_cores(void) {
  uint64_t mask[128];
  long bytes = syscall(__NR_sched_getaffinity, 0, sizeof mask, mask);
  if (bytes < 0) return -errno;
  int cores = 0;
  for (long i = 0; i < bytes / 8; i++) cores += __builtin_popcountll(mask[i]);
  return cores;
}

// A file without a name, in memory.
static inline int curing_memory_file(const char *name) {
  int result = (int)syscall(__NR_memfd_create, name, 1U /* MFD_CLOEXEC */);
  return result < 0 ? -errno : result;
}

// Calls io_uring_setup in a child: some sandboxes answer it with a deadly signal. The result is the
// signal that ended the child, or 0.
static inline int curing_signal_of_setup(void) {
  pid_t child = fork();
  if (child == 0) {
    struct io_uring_params parameters = { .flags = 0 };
    syscall(__NR_io_uring_setup, 2, &parameters);
    _exit(0);
  }
  int status = 0;
  if (child < 0) return 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 0;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

// Binds the calling thread to the processors whose bits are set in `bytes` bytes. 0 or -errno.
static inline int curing_bind_thread(const void *bits, size_t bytes) {
  long result = syscall(__NR_sched_setaffinity, 0, bytes, bits);
  return result < 0 ? -errno : 0;
}

static inline void curing_name_thread(const char *name) { syscall(__NR_prctl, 15 /* PR_SET_NAME */, name, 0, 0, 0); }

/* sync_file_range(2): before, write and after. */
static inline int curing_write_back(int fd, int64_t offset, int64_t bytes) {
  return (int)syscall(__NR_sync_file_range, fd, offset, bytes, 1 | 2 | 4);
}

#endif
