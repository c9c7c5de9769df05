// CDecimal.c — text to long double and back; what a number is, strtold says.
#include "CDecimal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The whole text must be a number: no space before it, nothing behind it, no overflow and no underflow to zero.
static bool parse(const void *text, size_t length, long double *value) {
  char copy[MARTLET_DECIMAL_TEXT_MAX];
  if (length == 0 || length >= sizeof copy) return false;
  memcpy(copy, text, length);
  if (isspace((unsigned char)copy[0])) return false;
  copy[length] = 0;
  char *end;
  errno = 0;
  *value = strtold(copy, &end);
  if ((size_t)(end - copy) != length || isnan(*value)) return false;
  if (errno == ERANGE && (isinf(*value) || fpclassify(*value) == FP_ZERO)) return false;
  return errno != EINVAL;
}

martlet_decimal_result martlet_decimal_add(
    const void *value, size_t value_length, const void *increment, size_t increment_length, void *out,
    size_t *out_length) {
  long double a, b;
  if (!parse(value, value_length, &a)) return MARTLET_DECIMAL_BAD_VALUE;
  if (!parse(increment, increment_length, &b)) return MARTLET_DECIMAL_BAD_INCREMENT;
  long double sum = a + b;
  if (!isfinite(sum)) return MARTLET_DECIMAL_NOT_FINITE;
  char *text = out;
  int length = snprintf(text, MARTLET_DECIMAL_TEXT_MAX, "%.17Lf", sum);
  if (length <= 0 || length >= MARTLET_DECIMAL_TEXT_MAX) return MARTLET_DECIMAL_NOT_FINITE;
  while (text[length - 1] == '0') length -= 1;
  if (text[length - 1] == '.') length -= 1;
  if (length == 2 && text[0] == '-' && text[1] == '0') {
    text[0] = '0';
    length = 1;
  }
  *out_length = (size_t)length;
  return MARTLET_DECIMAL_OK;
}

size_t martlet_decimal_seventeen(double value, void *out) {
  int length = snprintf(out, 32, "%.17g", value);
  return length > 0 && length < 32 ? (size_t)length : 0;
}

size_t martlet_decimal_fixed(double value, int decimals, void *out) {
  int length = snprintf(out, MARTLET_DECIMAL_TEXT_MAX, "%.*f", decimals, value);
  return length > 0 && length < MARTLET_DECIMAL_TEXT_MAX ? (size_t)length : 0;
}

size_t martlet_decimal_trimmed(double value, void *out) {
  char *text = out;
  int length = snprintf(text, MARTLET_DECIMAL_TEXT_MAX, "%.17f", value);
  if (length <= 0 || length >= MARTLET_DECIMAL_TEXT_MAX) return 0;
  while (text[length - 1] == '0') length -= 1;
  if (text[length - 1] == '.') length -= 1;
  return (size_t)length;
}

bool martlet_decimal_bound(const void *text, size_t length, double *out) {
  char copy[MARTLET_DECIMAL_TEXT_MAX];
  if (length >= sizeof copy) return false;
  memcpy(copy, text, length);
  copy[length] = 0;
  char *end;
  *out = strtod(copy, &end);
  return *end == 0 && !isnan(*out);
}
