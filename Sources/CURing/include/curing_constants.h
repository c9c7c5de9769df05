// curing_constants.h: what the kernel's header of Debian 12 (6.1) does not know, and what Swift cannot import from it.
//
// The values are the kernel's ABI and never change. Each is written out under a name of ours, so that
// a newer header, which has them too, does not collide.
#ifndef MARTLET_CURING_CONSTANTS_H
#define MARTLET_CURING_CONSTANTS_H

#include <linux/io_uring.h>
#include <linux/time_types.h>

// Submission entry flags. The kernel's macros shift an enumerator, which Swift does not import.
#define CURING_WRITE_DURABLY        0x00000002 // RWF_DSYNC, 4.7
#define CURING_SQE_FIXED_FILE       (1U << 0)
#define CURING_SQE_LINK             (1U << 2)
#define CURING_SQE_HARDLINK         (1U << 3)
#define CURING_SQE_BUFFER_SELECT    (1U << 5)
#define CURING_SQE_SKIP_SUCCESS     (1U << 6)

// io_uring_setup.
#define CURING_SETUP_NO_SQARRAY     (1U << 16) // 6.6

// Features that io_uring_setup reports.
#define CURING_FEATURE_REG_REG_RING (1U << 13) // 6.3
#define CURING_FEATURE_BUNDLE       (1U << 14) // 6.10
#define CURING_FEATURE_MIN_TIMEOUT  (1U << 15) // 6.12
#define CURING_FEATURE_RW_ATTR      (1U << 16) // 6.13
#define CURING_FEATURE_NO_IOWAIT    (1U << 17) // 6.15

// io_uring_enter.
#define CURING_ENTER_NO_IOWAIT      (1U << 7) // 6.15

// io_uring_register.
#define CURING_REGISTER_SEND_MSG_RING 31 // 6.13: MSG_RING without a ring of one's own

// Kinds of the multishot operations, in sqe->ioprio.
#define CURING_ACCEPT_MULTISHOT     (1U << 0)
#define CURING_RECEIVE_MULTISHOT    (1U << 1)

// Feature bits of the 6.1 header that Swift imports as plain macros are used under their own names.

#endif
