/* rules.c: which operations go wrong, how, and since when.
 *
 * A rule is a line:   OPERATION MATCH SKIP COUNT ACTION [NUMBER]
 *
 *   MATCH    a part of the path, or * for every path
 *   SKIP     so many matching operations are left alone first
 *   COUNT    so many are then hit; 0 is all of them
 *   ACTION   error ERRNO | short BYTES | delay MICROSECONDS | hang
 *
 * Rules are asked in order and add up: a delay and then an error is a slow failure.
 */
#include "faultfs.h"

#include <sys/prctl.h>
#include <time.h>

enum action { ERROR, SHORT, DELAY, HANG };
static const char *const action_names[] = { "error", "short", "delay", "hang" };
const char *const operation_names[OP_COUNT] = {
  "write", "fsync", "fsyncdir", "rename", "create", "unlink", "truncate", "fallocate", "read"
};

struct rule {
  enum operation operation;
  enum action action;
  char match[64];
  uint64_t skip, count, number, seen, hits;
};

enum { RULES_MAX = 64 };
static struct rule rules[RULES_MAX];
static unsigned rule_count;
static uint64_t seen[OP_COUNT], all_hits, releases;
static int64_t space = -1; /* bytes that may still be added to files; below zero: no limit */
static bool dead;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;

static int named(const char *word, const char *const *names, int count) {
  for (int index = 0; index < count; index++)
    if (strcmp(word, names[index]) == 0) return index;
  return -1;
}

const char *rules_add(char *words) {
  char operation[16], action[16];
  struct rule rule = { 0 };
  unsigned long long skip, count, number = 0;
  int found = sscanf(words, "%15s %63s %llu %llu %15s %llu", operation, rule.match, &skip, &count, action, &number);
  if (found < 5) return "a rule has five or six words";
  int which = named(operation, operation_names, OP_COUNT), what = named(action, action_names, HANG + 1);
  if (which < 0) return "no such operation";
  if (what < 0) return "no such action";
  rule.operation = which, rule.action = what, rule.skip = skip, rule.count = count, rule.number = number;
  pthread_mutex_lock(&lock);
  bool room = rule_count < RULES_MAX;
  if (room) rules[rule_count++] = rule;
  pthread_mutex_unlock(&lock);
  return room ? NULL : "too many rules";
}

void rules_clear(void) {
  pthread_mutex_lock(&lock);
  rule_count = 0;
  pthread_mutex_unlock(&lock);
  rules_release();
}

/* Lets go what hangs; a rule that still stands catches what comes after. */
void rules_release(void) {
  pthread_mutex_lock(&lock);
  releases++;
  pthread_cond_broadcast(&released);
  pthread_mutex_unlock(&lock);
}

static void sleep_microseconds(uint64_t microseconds) {
  static __thread bool precise;
  if (!precise) precise = prctl(PR_SET_TIMERSLACK, 1) == 0;
  struct timespec pause = { microseconds / 1000000, microseconds % 1000000 * 1000 };
  while (nanosleep(&pause, &pause) != 0) {}
}

struct verdict rules_judge(enum operation operation, const char *path, size_t bytes) {
  struct verdict verdict = { 0, bytes };
  uint64_t delay = 0;
  bool hang = false;
  pthread_mutex_lock(&lock);
  seen[operation]++;
  for (unsigned index = 0; index < rule_count; index++) {
    struct rule *rule = &rules[index];
    if (rule->operation != operation) continue;
    if (strcmp(rule->match, "*") != 0 && !strstr(path, rule->match)) continue;
    if (rule->seen++ < rule->skip || (rule->count && rule->hits >= rule->count)) continue;
    rule->hits++, all_hits++;
    switch (rule->action) {
    case ERROR: verdict.error = (int)rule->number; break;
    case SHORT: if (rule->number < verdict.bytes_max) verdict.bytes_max = rule->number; break;
    case DELAY: delay += rule->number; break;
    case HANG: hang = true; break;
    }
  }
  for (uint64_t begin = releases; hang && begin == releases && !dead;) pthread_cond_wait(&released, &lock);
  pthread_mutex_unlock(&lock);
  if (delay) sleep_microseconds(delay);
  pthread_mutex_lock(&lock);
  if (dead && operation != OP_READ) verdict.error = EIO;
  pthread_mutex_unlock(&lock);
  return verdict;
}

uint64_t rules_seen(enum operation operation) {
  pthread_mutex_lock(&lock);
  uint64_t count = seen[operation];
  pthread_mutex_unlock(&lock);
  return count;
}

uint64_t rules_hits(void) {
  pthread_mutex_lock(&lock);
  uint64_t count = all_hits;
  pthread_mutex_unlock(&lock);
  return count;
}

void rules_set_space(int64_t bytes) {
  pthread_mutex_lock(&lock);
  space = bytes;
  pthread_mutex_unlock(&lock);
}

int64_t rules_space(void) {
  pthread_mutex_lock(&lock);
  int64_t bytes = space;
  pthread_mutex_unlock(&lock);
  return bytes;
}

bool rules_has_space(size_t bytes) { return space < 0 || (uint64_t)space >= bytes; }

size_t rules_take_space(size_t bytes) {
  if (space < 0) return bytes;
  size_t taken = (uint64_t)space < bytes ? (size_t)space : bytes;
  space -= taken;
  return taken;
}

void rules_set_dead(bool value) {
  pthread_mutex_lock(&lock);
  dead = value;
  pthread_cond_broadcast(&released);
  pthread_mutex_unlock(&lock);
}

bool rules_dead(void) { return dead; }
