// curing_daemon.h: leaving the terminal, which Swift does not let us say.
#ifndef MARTLET_CURING_DAEMON_H
#define MARTLET_CURING_DAEMON_H
#include <fcntl.h>
#include <unistd.h>

/// The parent exits; the child leads a session of its own and reads and writes nothing. 0, or -1 and errno.
static inline int curing_daemonize(void) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child > 0) _exit(0);
  if (setsid() < 0) return -1;
  int null = open("/dev/null", O_RDWR);
  if (null < 0) return -1;
  dup2(null, 0);
  dup2(null, 1);
  dup2(null, 2);
  if (null > 2) close(null);
  return 0;
}
#endif
