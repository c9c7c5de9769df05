// curing_prepare.h: filling a submission entry, one function per operation.
//
// Each clears the 64 bytes first: entries are reused, and a stale field is a different operation.
// `flags` are CURING_SQE_ bits that the caller adds.
#ifndef MARTLET_CURING_PREPARE_H
#define MARTLET_CURING_PREPARE_H

#include <poll.h>
#include <sys/socket.h>
#include "curing_queues.h"

typedef struct io_uring_sqe curing_entry;

static inline void curing_prepare(
    curing_entry *entry, uint8_t operation, int descriptor, const void *address, uint32_t length, uint64_t offset,
    uint32_t flags, uint64_t user_data) {
  memset(entry, 0, sizeof *entry);
  entry->opcode = operation;
  entry->flags = (uint8_t)flags;
  entry->fd = descriptor;
  entry->off = offset;
  entry->addr = (uint64_t)(uintptr_t)address;
  entry->len = length;
  entry->user_data = user_data;
}

// Accepts with SOCK_NONBLOCK and SOCK_CLOEXEC; `kind` is 0 or CURING_ACCEPT_MULTISHOT.
static inline void curing_prepare_accept(curing_entry *entry, int listener, uint32_t kind, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_ACCEPT, listener, NULL, 0, 0, 0, user_data);
  entry->ioprio = (uint16_t)kind;
  entry->accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
}

// Receives into buffers of `group`; `kind` is 0 or CURING_RECEIVE_MULTISHOT.
static inline void curing_prepare_receive(
    curing_entry *entry, int descriptor, uint32_t kind, uint16_t group, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_RECV, descriptor, NULL, 0, 0, flags | CURING_SQE_BUFFER_SELECT, user_data);
  entry->ioprio = (uint16_t)kind;
  entry->buf_group = group;
}

static inline void curing_prepare_receive_into(
    curing_entry *entry, int descriptor, void *memory, uint32_t count, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_RECV, descriptor, memory, count, 0, flags, user_data);
}

static inline void curing_prepare_send(
    curing_entry *entry, int descriptor, const void *memory, uint32_t count, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_SEND, descriptor, memory, count, 0, flags, user_data);
  entry->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
}

static inline void curing_prepare_send_message(
    curing_entry *entry, int descriptor, const struct msghdr *message, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_SENDMSG, descriptor, message, 1, 0, flags, user_data);
  entry->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
}

static inline void curing_prepare_connect(
    curing_entry *entry, int descriptor, const struct sockaddr *address, uint32_t length, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_CONNECT, descriptor, address, 0, length, 0, user_data);
}

static inline void curing_prepare_poll(curing_entry *entry, int descriptor, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_POLL_ADD, descriptor, NULL, IORING_POLL_ADD_MULTI, 0, flags, user_data);
  entry->poll32_events = POLLIN;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  entry->poll32_events = (uint32_t)POLLIN << 16;
#endif
}

static inline void curing_prepare_write(
    curing_entry *entry, int descriptor, const void *memory, uint32_t count, uint64_t offset, uint32_t flags,
    uint64_t user_data) {
  curing_prepare(entry, IORING_OP_WRITE, descriptor, memory, count, offset, flags, user_data);
}

/// RWF_DSYNC: the completion comes when the bytes are on disk.
static inline void curing_prepare_durable_write(
    curing_entry *entry, int descriptor, const void *memory, uint32_t count, uint64_t offset, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_WRITE, descriptor, memory, count, offset, 0, user_data);
  entry->rw_flags = CURING_WRITE_DURABLY;
}

static inline void curing_prepare_data_sync(curing_entry *entry, int descriptor, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_FSYNC, descriptor, NULL, 0, 0, flags, user_data);
  entry->fsync_flags = IORING_FSYNC_DATASYNC;
}

static inline void curing_prepare_cancel(curing_entry *entry, uint64_t target, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_ASYNC_CANCEL, -1, (const void *)(uintptr_t)target, 0, 0, flags, user_data);
}

static inline void curing_prepare_close(curing_entry *entry, int descriptor, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_CLOSE, descriptor, NULL, 0, 0, flags, user_data);
}

// Empties one place of the table of registered descriptors.
static inline void curing_prepare_close_registered(
    curing_entry *entry, uint32_t place, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_CLOSE, 0, NULL, 0, 0, flags, user_data);
  entry->file_index = place + 1;
}

// Puts the descriptor at `number` into the table of registered descriptors.
static inline void curing_prepare_register_file(
    curing_entry *entry, const int32_t *number, uint32_t place, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_FILES_UPDATE, -1, number, 1, place, flags, user_data);
}

// Posts a completion (`posted`, `result`) to another ring.
static inline void curing_prepare_post(
    curing_entry *entry, int ring, uint64_t posted, uint32_t result, uint32_t flags, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_MSG_RING, ring, NULL, result, posted, flags, user_data);
}

static inline void curing_prepare_nothing(curing_entry *entry, uint64_t user_data) {
  curing_prepare(entry, IORING_OP_NOP, -1, NULL, 0, 0, 0, user_data);
}

#endif
