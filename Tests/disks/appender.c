/* appender.c: append 64 bytes, fdatasync, count; for ever. The control of a power cut.
 *
 *   appender FILE COUNTER [RECORDS]
 *
 * COUNTER is a file on another disk whose first eight bytes are the number of records that the
 * disk has acknowledged: shared memory, so that whoever cuts the power can read it just before.
 * With RECORDS it stops after so many and prints how long each took, in nanoseconds, one a line:
 * the measure that a single writer is held against.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES = 64 };

static uint64_t now_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int count, char **words) {
  if (count < 3) return 2;
  int file = open(words[1], O_WRONLY | O_CREAT | O_APPEND, 0600), counter = open(words[2], O_RDWR | O_CREAT, 0600);
  if (file < 0 || counter < 0 || ftruncate(counter, sizeof(uint64_t)) != 0) return 1;
  _Atomic uint64_t *acknowledged = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, counter, 0);
  if (acknowledged == MAP_FAILED) return 1;
  uint64_t limit = count > 3 ? strtoull(words[3], NULL, 10) : 0;
  uint64_t *taken = limit ? malloc(limit * sizeof *taken) : NULL;
  for (uint64_t number = 1; !limit || number <= limit; number++) {
    char record[RECORD_BYTES + 1];
    snprintf(record, sizeof record, "%062llu\r\n", (unsigned long long)number);
    uint64_t begin = now_nanoseconds();
    if (write(file, record, RECORD_BYTES) != RECORD_BYTES || fdatasync(file) != 0) return 1;
    if (limit) taken[number - 1] = now_nanoseconds() - begin;
    atomic_store(acknowledged, number);
  }
  for (uint64_t index = 0; index < limit; index++) printf("%llu\n", (unsigned long long)taken[index]);
  return 0;
}
