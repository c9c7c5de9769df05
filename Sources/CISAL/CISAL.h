// CISAL.h: Intel's storage library, for the checksum of snapshots.
#include <stdint.h>
#include <isa-l/crc64.h>
