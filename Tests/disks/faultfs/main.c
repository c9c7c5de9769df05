/* main.c: mounts the file system and obeys the lines on standard input.
 *
 *   faultfs DIRECTORY MOUNTPOINT GRAVEYARD [--forgetful] [--log FILE]
 *
 *   rule …        see rules.c          clear      no rules, nothing held
 *   release       lets go what hangs   space N    N more bytes fit; -1: no limit
 *   cut           the power is off: what changes anything fails with EIO
 *   lose SEED     after a cut: what was not synced is gone (forgetting.c); revives the disk;
 *                 answers how many bytes and how many names were taken back
 *   count OP      how many such operations were asked for     hits   how many operations rules hit
 *
 * Every line is answered by `ok`, `ok VALUE` or `error TEXT`. The end of standard input is the end of
 * the file system: it is unmounted whatever may still use it, so a tester that dies leaves nothing.
 */
#include "faultfs.h"

#include <sys/mount.h>

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int root = -1;
bool forgetful;
const char *graveyard;
static const char *mountpoint;
static FILE *journal;

void log_operation(enum operation operation, const char *path, off_t offset, size_t bytes, long result) {
  if (!journal) return;
  fprintf(journal, "%s %s %lld %zu %ld\n", operation_names[operation], path, (long long)offset, bytes, result);
}

static void answer(const char *text, const char *value) {
  printf(value ? "%s %s\n" : "%s\n", text, value);
  fflush(stdout);
}

static void answer_number(uint64_t number) {
  char text[32];
  snprintf(text, sizeof text, "%llu", (unsigned long long)number);
  answer("ok", text);
}

static void obey(char *line) {
  char *rest = strchr(line, ' ');
  if (rest) *rest++ = 0; else rest = line + strlen(line);
  const char *complaint = NULL;
  if (strcmp(line, "rule") == 0) complaint = rules_add(rest);
  else if (strcmp(line, "clear") == 0) rules_clear();
  else if (strcmp(line, "release") == 0) rules_release();
  else if (strcmp(line, "space") == 0) rules_set_space(strtoll(rest, NULL, 10));
  else if (strcmp(line, "cut") == 0) rules_set_dead(true);
  else if (strcmp(line, "hits") == 0) { answer_number(rules_hits()); return; }
  else if (strcmp(line, "count") == 0) {
    for (int operation = 0; operation < OP_COUNT; operation++)
      if (strcmp(rest, operation_names[operation]) == 0) { answer_number(rules_seen(operation)); return; }
    complaint = "no such operation";
  } else if (strcmp(line, "lose") == 0) {
    char report[64];
    pthread_mutex_lock(&lock);
    forgetting_lose(strtoull(rest, NULL, 10), report, sizeof report);
    pthread_mutex_unlock(&lock);
    rules_set_dead(false);
    answer("ok", report);
    return;
  } else complaint = "no such command";
  if (complaint) answer("error", complaint); else answer("ok", NULL);
}

static void *control(void *unused) {
  char line[512];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    obey(line);
  }
  if (journal) fflush(journal);
  rules_set_dead(true);
  rules_release();
  umount2(mountpoint, MNT_DETACH);
  _exit(0);
  return unused;
}

int main(int count, char **words) {
  if (count < 4) return fprintf(stderr, "usage: faultfs DIRECTORY MOUNTPOINT GRAVEYARD [--forgetful] [--log FILE]\n"), 2;
  root = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return perror(words[1]), 1;
  mountpoint = words[2], graveyard = words[3];
  for (int index = 4; index < count; index++) {
    if (strcmp(words[index], "--forgetful") == 0) forgetful = true;
    else if (strcmp(words[index], "--log") == 0 && index + 1 < count) journal = fopen(words[++index], "w");
  }
  umask(0);
  struct fuse_args arguments = FUSE_ARGS_INIT(0, NULL);
  fuse_opt_add_arg(&arguments, "faultfs");
  fuse_opt_add_arg(&arguments, "-ofsname=faultfs");
  struct fuse *fuse = fuse_new(&arguments, &operations, sizeof operations, NULL);
  if (!fuse || fuse_mount(fuse, mountpoint) != 0) return fprintf(stderr, "faultfs: cannot mount\n"), 1;
  pthread_t thread;
  pthread_create(&thread, NULL, control, NULL);
  answer("ok", "mounted");
  struct fuse_loop_config config = { .clone_fd = 0, .max_idle_threads = 16 };
  fuse_loop_mt(fuse, &config);
  fuse_unmount(fuse);
  return 0;
}
