// CURing.h: io_uring as Swift can call it.
#ifndef MARTLET_CURING_H
#define MARTLET_CURING_H
#endif
