// curing_queues.h: the three system calls, and the memory that they share with us.
//
//   rings (one mapping)                                   entries (a second mapping)
//   ┌──────────────┬──────────────┬────────────┬─────┐    ┌──────┬──────┬─────┐
//   │ head tail    │ head tail    │ completion │ ... │    │ sqe  │ sqe  │ ... │
//   │ flags (SQ)   │ overflow (CQ)│ entries    │     │    │ 64 B │      │     │
//   └──────────────┴──────────────┴────────────┴─────┘    └──────┴──────┴─────┘
//
// All functions return a count or a descriptor, or a negated errno.
#ifndef MARTLET_CURING_QUEUES_H
#define MARTLET_CURING_QUEUES_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "curing_constants.h"

typedef struct curing_queues {
  int descriptor;
  uint32_t features;
  uint32_t setup_flags;

  uint32_t *submission_head;
  uint32_t *submission_tail;
  uint32_t *submission_flags;
  uint32_t submission_entries;
  struct io_uring_sqe *submissions;

  uint32_t *completion_head;
  uint32_t *completion_tail;
  uint32_t completion_entries;
  const struct io_uring_cqe *completions;

  void *rings;
  size_t rings_bytes;
  size_t submissions_bytes;
} curing_queues;

// Indices are shared with the kernel: one side writes with release, the other reads with acquire.
static inline uint32_t curing_load_acquire(const uint32_t *index) { return __atomic_load_n(index, __ATOMIC_ACQUIRE); }
static inline uint32_t curing_load_relaxed(const uint32_t *index) { return __atomic_load_n(index, __ATOMIC_RELAXED); }
static inline void curing_store_release(uint32_t *index, uint32_t value) {
  __atomic_store_n(index, value, __ATOMIC_RELEASE);
}
static inline void curing_store_release_16(uint16_t *index, uint16_t value) {
  __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static inline int curing_register(int descriptor, unsigned operation, void *argument, unsigned count) {
  int result = (int)syscall(__NR_io_uring_register, descriptor, operation, argument, count);
  return result < 0 ? -errno : result;
}

static inline int curing_enter(int descriptor, unsigned submit, unsigned wait, unsigned flags) {
  int result = (int)syscall(__NR_io_uring_enter, descriptor, submit, wait, flags, NULL, (size_t)8);
  return result < 0 ? -errno : result;
}

// The same, waiting at most `nanoseconds`: -ETIME when they have passed.
static inline int curing_enter_timeout(
    int descriptor, unsigned submit, unsigned wait, unsigned flags, uint64_t nanoseconds) {
  struct __kernel_timespec timeout = {
    .tv_sec = (long long)(nanoseconds / 1000000000ull), .tv_nsec = (long long)(nanoseconds % 1000000000ull),
  };
  struct io_uring_getevents_arg argument = { .sigmask_sz = 8, .ts = (uint64_t)(uintptr_t)&timeout };
  int result = (int)syscall(
      __NR_io_uring_enter, descriptor, submit, wait, flags | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
  return result < 0 ? -errno : result;
}

static inline void curing_close(curing_queues *queues) {
  if (queues->submissions) munmap(queues->submissions, queues->submissions_bytes);
  if (queues->rings) munmap(queues->rings, queues->rings_bytes);
  close(queues->descriptor);
  memset(queues, 0, sizeof *queues);
  queues->descriptor = -1;
}

// Sets up a ring with exactly these flags and maps it. Needs IORING_FEAT_SINGLE_MMAP (5.4).
static inline int curing_open(curing_queues *queues, unsigned entries, unsigned completion_entries, unsigned flags) {
  struct io_uring_params parameters = { .flags = flags, .cq_entries = completion_entries };
  memset(queues, 0, sizeof *queues);
  queues->descriptor = -1;
  int descriptor = (int)syscall(__NR_io_uring_setup, entries, &parameters);
  if (descriptor < 0) return -errno;
  queues->descriptor = descriptor;
  queues->features = parameters.features;
  queues->setup_flags = parameters.flags;
  queues->submission_entries = parameters.sq_entries;
  queues->completion_entries = parameters.cq_entries;

  int has_array = !(parameters.flags & CURING_SETUP_NO_SQARRAY);
  size_t submission_bytes = parameters.sq_off.array + (has_array ? parameters.sq_entries * sizeof(uint32_t) : 0);
  size_t completion_bytes = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
  queues->rings_bytes = submission_bytes > completion_bytes ? submission_bytes : completion_bytes;
  queues->submissions_bytes = parameters.sq_entries * sizeof(struct io_uring_sqe);

  void *rings = mmap(NULL, queues->rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor,
      IORING_OFF_SQ_RING);
  if (rings == MAP_FAILED) { int code = errno; curing_close(queues); return -code; }
  queues->rings = rings;
  void *submissions = mmap(NULL, queues->submissions_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
      descriptor, IORING_OFF_SQES);
  if (submissions == MAP_FAILED) { int code = errno; curing_close(queues); return -code; }
  queues->submissions = submissions;

  // A forked child must not hold the ring: the kernel keeps its sockets open as long as the mapping lives.
  madvise(rings, queues->rings_bytes, MADV_DONTFORK);
  madvise(submissions, queues->submissions_bytes, MADV_DONTFORK);

  char *base = rings;
  queues->submission_head = (uint32_t *)(base + parameters.sq_off.head);
  queues->submission_tail = (uint32_t *)(base + parameters.sq_off.tail);
  queues->submission_flags = (uint32_t *)(base + parameters.sq_off.flags);
  queues->completion_head = (uint32_t *)(base + parameters.cq_off.head);
  queues->completion_tail = (uint32_t *)(base + parameters.cq_off.tail);
  queues->completions = (const struct io_uring_cqe *)(base + parameters.cq_off.cqes);
  if (has_array) {
    uint32_t *array = (uint32_t *)(base + parameters.sq_off.array);
    for (uint32_t i = 0; i < parameters.sq_entries; i++) array[i] = i;
  }
  return 0;
}

// Registers the ring's own descriptor, which saves a lookup on each enter: its index.
static inline int curing_register_ring(int descriptor) {
  struct io_uring_rsrc_update update = { .offset = ~0U, .data = (uint64_t)(unsigned)descriptor };
  int result = curing_register(descriptor, IORING_REGISTER_RING_FDS, &update, 1);
  return result == 1 ? (int)update.offset : result < 0 ? result : -EINVAL;
}

// The registration would keep the ring alive until its thread ends.
static inline int curing_unregister_ring(int descriptor, unsigned index) {
  struct io_uring_rsrc_update update = { .offset = index };
  return curing_register(descriptor, IORING_UNREGISTER_RING_FDS, &update, 1);
}

static inline int curing_register_buffers(int descriptor, void *ring, unsigned count, uint16_t group) {
  struct io_uring_buf_reg argument = { .ring_addr = (uint64_t)(uintptr_t)ring, .ring_entries = count, .bgid = group };
  return curing_register(descriptor, IORING_REGISTER_PBUF_RING, &argument, 1);
}

// A table of `count` empty places for registered descriptors.
static inline int curing_register_sparse_files(int descriptor, unsigned count) {
  struct io_uring_rsrc_register argument = { .nr = count, .flags = IORING_RSRC_REGISTER_SPARSE };
  return curing_register(descriptor, IORING_REGISTER_FILES2, &argument, sizeof argument);
}

static inline int curing_limit_workers(int descriptor, unsigned bounded, unsigned unbounded) {
  uint32_t limits[2] = { bounded, unbounded };
  return curing_register(descriptor, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
}

// Cancels everything in flight and waits for it, at most `nanoseconds`.
static inline int curing_cancel_all(int descriptor, uint64_t nanoseconds) {
  struct io_uring_sync_cancel_reg argument = {
    .fd = -1, .flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY,
    .timeout = { .tv_sec = (long long)(nanoseconds / 1000000000ull),
                 .tv_nsec = (long long)(nanoseconds % 1000000000ull) },
  };
  return curing_register(descriptor, IORING_REGISTER_SYNC_CANCEL, &argument, 1);
}

// Bit n of the result: operation n is supported. 0 when the kernel does not answer.
static inline uint64_t curing_supported_operations(int descriptor) {
  _Alignas(struct io_uring_probe) char room[sizeof(struct io_uring_probe) + 64 * sizeof(struct io_uring_probe_op)];
  memset(room, 0, sizeof room);
  struct io_uring_probe *probe = (struct io_uring_probe *)room;
  if (curing_register(descriptor, IORING_REGISTER_PROBE, probe, 64) < 0) return 0;
  uint64_t supported = 0;
  for (unsigned i = 0; i < probe->ops_len && i < 64; i++)
    if (probe->ops[i].flags & IO_URING_OP_SUPPORTED) supported |= 1ull << (probe->ops[i].op & 63);
  return supported;
}

// Posts a completion to another ring, from a thread that needs no ring itself (6.13).
static inline int curing_post(int ring, uint64_t user_data, uint32_t result) {
  struct io_uring_sqe entry;
  memset(&entry, 0, sizeof entry);
  entry.opcode = IORING_OP_MSG_RING;
  entry.fd = ring;
  entry.len = result;
  entry.off = user_data;
  return curing_register(-1, CURING_REGISTER_SEND_MSG_RING, &entry, 1);
}

#endif
