/* faultfs.h: a FUSE file system that passes through to a directory and can be told to misbehave.
 *
 * Three parts, each a file:
 *
 *   operations.c   what the kernel asks: passed through to the directory behind
 *   rules.c        which of those fail, are cut short, delayed or held, and since when
 *   forgetting.c   what a power cut would take: writes, sizes and names not yet synced
 *   main.c         mounting, and the control lines on standard input
 *
 * A single lock guards the state of rules.c and forgetting.c; nothing sleeps while it holds it.
 */
#ifndef FAULTFS_H
#define FAULTFS_H

#define FUSE_USE_VERSION 35
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 512 };

/* What a rule can be about. */
enum operation {
  OP_WRITE, OP_FSYNC, OP_FSYNCDIR, OP_RENAME, OP_CREATE, OP_UNLINK, OP_TRUNCATE, OP_FALLOCATE, OP_READ, OP_COUNT
};
extern const char *const operation_names[OP_COUNT];

/* rules.c */
struct verdict {
  int error;        /* an errno, or 0 */
  size_t bytes_max; /* a write takes no more than this */
};

/* Asks the rules about one operation, and waits where a rule delays or holds it. */
struct verdict rules_judge(enum operation operation, const char *path, size_t bytes);
const char *rules_add(char *words);
void rules_clear(void);
void rules_release(void);
uint64_t rules_seen(enum operation operation);
uint64_t rules_hits(void);
void rules_set_space(int64_t bytes);
int64_t rules_space(void);
/* The next two are called with the lock held. */
bool rules_has_space(size_t bytes);
/* Takes up to `bytes` of what is left of the space; returns how many there were. */
size_t rules_take_space(size_t bytes);
/* From here on everything that changes something fails with EIO, until revived. */
void rules_set_dead(bool dead);
bool rules_dead(void);

/* forgetting.c: everything here is called with the lock held. */
void forgetting_write(int fd, off_t offset, size_t bytes);
void forgetting_truncate(int fd, off_t size);
uint64_t forgetting_moment(int fd, off_t *size);
void forgetting_synced(int fd, uint64_t moment, off_t size, bool failed);
void forgetting_create(const char *path);
void forgetting_rename(const char *from, const char *to);
/* Removes the name; the file is kept aside until its directory is synced. */
int forgetting_unlink(const char *path);
void forgetting_directory_synced(const char *path);
/* The power is off: takes back what was not synced. Seed 0 takes all of it; another seed decides by sectors. */
void forgetting_lose(uint64_t seed, char *report, size_t report_bytes);

/* main.c */
extern pthread_mutex_t lock;
extern int root;          /* the directory behind */
extern bool forgetful;    /* whether forgetting.c keeps books */
extern const char *graveyard;
void log_operation(enum operation operation, const char *path, off_t offset, size_t bytes, long result);

/* operations.c */
extern const struct fuse_operations operations;

static inline const char *relative(const char *path) { return path[1] ? path + 1 : "."; }

#endif
