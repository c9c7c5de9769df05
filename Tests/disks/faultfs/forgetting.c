/* forgetting.c: what a power cut would take.
 *
 * Every write is remembered with the bytes that it replaced until an fsync of its file that began
 * after it has succeeded. An fsync that fails dooms the writes that it should have covered: as on
 * Linux, where a page that could not be written counts as clean afterwards, no later fsync saves
 * them; only writing them again does. Names (create, rename, unlink) are remembered until their
 * directory is synced. `lose` plays it all back, newest first:
 *
 *   seed 0       everything unsynced goes, files get their last synced size back
 *   other seed   each sector of 512 bytes, the size and the age of the names are decided by the seed:
 *                a torn tail, zeros in the middle, a newer sector beside an older one
 *
 * Making a directory is taken to be durable at once.
 */
#include "faultfs.h"

enum { SECTOR_BYTES = 512, NODES_MAX = 4096 };

struct record {
  struct record *older;
  uint64_t moment;
  off_t offset;
  size_t bytes;
  bool doomed;
  unsigned char old[]; /* what stood there; zeros beyond the end of the file */
};

struct node {
  dev_t device;
  ino_t inode;
  int fd; /* our own: the file may be renamed or removed meanwhile */
  off_t synced_size;
  struct record *newest;
};

enum name_change { CREATED, RENAMED, UNLINKED };
struct change {
  struct change *older;
  enum name_change kind;
  char from[PATH_BYTES], to[PATH_BYTES];
  char aside[PATH_BYTES]; /* what stood under that name before, kept in the graveyard; empty: nothing */
};

static struct node *nodes[NODES_MAX];
static unsigned node_count;
static struct change *newest_change;
static uint64_t moments, burials;

static struct node *node_of(int fd, off_t synced_size_if_new) {
  struct stat about;
  if (fstat(fd, &about) != 0) return NULL;
  for (unsigned index = 0; index < node_count; index++)
    if (nodes[index]->inode == about.st_ino && nodes[index]->device == about.st_dev) return nodes[index];
  if (node_count == NODES_MAX) return NULL;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  struct node *node = calloc(1, sizeof *node);
  node->device = about.st_dev, node->inode = about.st_ino, node->fd = open(path, O_RDWR | O_CLOEXEC);
  node->synced_size = synced_size_if_new >= 0 ? synced_size_if_new : about.st_size;
  return nodes[node_count++] = node;
}

static void remember(struct node *node, off_t offset, size_t bytes) {
  struct record *record = calloc(1, sizeof *record + bytes);
  record->moment = ++moments, record->offset = offset, record->bytes = bytes;
  if (bytes) (void)!pread(node->fd, record->old, bytes, offset);
  record->older = node->newest;
  node->newest = record;
}

void forgetting_write(int fd, off_t offset, size_t bytes) {
  struct node *node = node_of(fd, -1);
  if (node) remember(node, offset, bytes);
}

void forgetting_truncate(int fd, off_t size) {
  struct node *node = node_of(fd, -1);
  struct stat about;
  if (!node || fstat(fd, &about) != 0) return;
  remember(node, size, about.st_size > size ? (size_t)(about.st_size - size) : 0);
}

/* The moment at which an fsync begins, and the size that it will make durable. */
uint64_t forgetting_moment(int fd, off_t *size) {
  struct stat about;
  *size = fstat(fd, &about) == 0 ? about.st_size : 0;
  node_of(fd, -1);
  return moments;
}

/* Cuts what was written anew, and is durable now, out of the doomed records. */
static void redeem(struct node *node, off_t offset, size_t bytes) {
  off_t end = offset + (off_t)bytes;
  for (struct record **at = &node->newest; *at; at = &(*at)->older) {
    struct record *record = *at;
    off_t record_end = record->offset + (off_t)record->bytes;
    if (!record->doomed || record->offset >= end || record_end <= offset) continue;
    if (record_end > end) { /* the part behind becomes a record of its own */
      size_t rest = (size_t)(record_end - end);
      struct record *behind = calloc(1, sizeof *behind + rest);
      *behind = (struct record){ record->older, record->moment, end, rest, true };
      memcpy(behind->old, record->old + (end - record->offset), rest);
      record->older = behind;
    }
    record->bytes = record->offset < offset ? (size_t)(offset - record->offset) : 0;
  }
}

void forgetting_synced(int fd, uint64_t moment, off_t size, bool failed) {
  struct node *node = node_of(fd, -1);
  if (!node) return;
  for (struct record **at = &node->newest; *at;) {
    struct record *record = *at;
    if (record->moment > moment || record->doomed) { at = &record->older; continue; }
    if (failed) { record->doomed = true; at = &record->older; continue; }
    *at = record->older;
    redeem(node, record->offset, record->bytes);
    free(record);
  }
  if (!failed) node->synced_size = size;
}

/* --- names ----------------------------------------------------------------- */

static struct change *changed(enum name_change kind, const char *from, const char *to) {
  struct change *change = calloc(1, sizeof *change);
  change->kind = kind;
  snprintf(change->from, sizeof change->from, "%s", from);
  snprintf(change->to, sizeof change->to, "%s", to);
  change->older = newest_change;
  return newest_change = change;
}

static void bury(struct change *change, const char *path) {
  snprintf(change->aside, sizeof change->aside, "%s/%llu", graveyard, (unsigned long long)++burials);
  if (renameat(root, path, AT_FDCWD, change->aside) != 0) change->aside[0] = 0;
}

void forgetting_create(const char *path) {
  changed(CREATED, path, path);
  int fd = openat(root, path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  node_of(fd, 0);
  close(fd);
}

void forgetting_rename(const char *from, const char *to) {
  struct change *change = changed(RENAMED, from, to);
  /* Set aside by a second name, so that the rename itself stays the atomic one. */
  snprintf(change->aside, sizeof change->aside, "%s/%llu", graveyard, (unsigned long long)++burials);
  if (linkat(root, to, AT_FDCWD, change->aside, 0) != 0) change->aside[0] = 0;
}

int forgetting_unlink(const char *path) {
  struct change *change = changed(UNLINKED, path, path);
  bury(change, path);
  return change->aside[0] ? 0 : -errno;
}

static bool stands_in(const char *path, const char *directory) {
  const char *slash = strrchr(path, '/');
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (strcmp(directory, ".") == 0) return !slash;
  return slash && strlen(directory) == length && strncmp(path, directory, length) == 0;
}

void forgetting_directory_synced(const char *path) {
  for (struct change **at = &newest_change; *at;) {
    struct change *change = *at;
    if (!stands_in(change->to, path)) { at = &change->older; continue; }
    *at = change->older;
    if (change->aside[0]) unlink(change->aside);
    free(change);
  }
}

/* --- the cut ----------------------------------------------------------------- */

static uint64_t random_state;
static bool coin(void) {
  random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
  return random_state >> 63;
}

static void restore(struct node *node, struct record *record, bool torn, size_t *taken) {
  off_t end = record->offset + (off_t)record->bytes;
  for (off_t at = record->offset; at < end;) {
    off_t next = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
    if (next > end) next = end;
    if (!torn || coin()) {
      (void)!pwrite(node->fd, record->old + (at - record->offset), (size_t)(next - at), at);
      *taken += (size_t)(next - at);
    }
    at = next;
  }
}

static void forget_node(struct node *node, bool torn, size_t *taken) {
  struct stat about;
  if (fstat(node->fd, &about) != 0) return;
  bool unsynced = node->newest != NULL;
  while (node->newest) {
    struct record *record = node->newest;
    restore(node, record, torn, taken);
    node->newest = record->older;
    free(record);
  }
  if (!unsynced && about.st_size == node->synced_size) return;
  off_t size = torn && coin() ? about.st_size : node->synced_size;
  (void)!ftruncate(node->fd, size);
  node->synced_size = size;
}

static void forget_names(bool torn, size_t *names) {
  /* Names are journalled in order: a suffix of the changes goes, never one out of the middle. */
  while (newest_change && !(torn && coin())) {
    struct change *change = newest_change;
    newest_change = change->older;
    if (change->kind == CREATED) unlinkat(root, change->to, 0);
    if (change->kind == RENAMED) renameat(root, change->to, root, change->from);
    if (change->aside[0]) renameat(AT_FDCWD, change->aside, root, change->to);
    free(change);
    ++*names;
  }
  while (newest_change) {
    struct change *change = newest_change;
    newest_change = change->older;
    if (change->aside[0]) unlink(change->aside);
    free(change);
  }
}

void forgetting_lose(uint64_t seed, char *report, size_t report_bytes) {
  size_t taken = 0, names = 0;
  random_state = seed * 0x9E3779B97F4A7C15u + 1;
  for (unsigned index = 0; index < node_count; index++) forget_node(nodes[index], seed != 0, &taken);
  forget_names(seed != 0, &names);
  while (node_count) {
    struct node *node = nodes[--node_count];
    close(node->fd);
    free(node);
  }
  snprintf(report, report_bytes, "%zu %zu", taken, names);
}
