// CDecimal.h — the sums of INCRBYFLOAT, in the widest float that the machine has.
#ifndef MARTLET_CDECIMAL_H
#define MARTLET_CDECIMAL_H

#include <stdbool.h>
#include <stddef.h>

// Longer texts are not numbers to anybody.
#define MARTLET_DECIMAL_TEXT_MAX 5120

typedef enum {
  MARTLET_DECIMAL_OK = 0,
  MARTLET_DECIMAL_BAD_VALUE = 1,
  MARTLET_DECIMAL_BAD_INCREMENT = 2,
  MARTLET_DECIMAL_NOT_FINITE = 3
} martlet_decimal_result;

// Adds two numbers given as text. On success the sum is at `out`, which has room for MARTLET_DECIMAL_TEXT_MAX
// bytes: seventeen decimals with the trailing zeros taken off, never an exponent; its length at `out_length`.
martlet_decimal_result martlet_decimal_add(
    const void *value, size_t value_length, const void *increment, size_t increment_length, void *out,
    size_t *out_length);

// The end of a range of scores, which strtod reads as it likes: spaces before it, nothing at all, too large for a double.
// Only the text up to a zero byte counts. False if something is left that is no number, or if it is "nan".
bool martlet_decimal_bound(const void *text, size_t length, double *out);

// The text of a double with seventeen significant digits, as ZSCAN tells scores; its length. `out` has room for 32
// bytes.
size_t martlet_decimal_seventeen(double value, void *out);

// The text of a double with so many decimals, or with up to seventeen, the trailing zeros taken off; its length. `out`
// has room for MARTLET_DECIMAL_TEXT_MAX bytes.
size_t martlet_decimal_fixed(double value, int decimals, void *out);
size_t martlet_decimal_trimmed(double value, void *out);

#endif
