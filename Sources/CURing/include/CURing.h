// CURing.h: io_uring and a few neighbours, as Swift can call them.
//
// Header only, nothing to link: the kernel's own header, what is newer than that header, mapping the
// two queues, filling entries. Nothing here decides anything; Sources/Ring does.
#ifndef MARTLET_CURING_H
#define MARTLET_CURING_H

// No _GNU_SOURCE: Swift's Glibc module is built without it, and the two must see the same enums.
#include "curing_constants.h"
#include "curing_queues.h"
#include "curing_prepare.h"
#include "curing_system.h"
#include "curing_testing.h"
#include "curing_daemon.h"
#include "curing_ticks.h"

#endif
