// struct.c — the library `struct`: numbers and strings to packed bytes and back.
//
//   struct.pack(">I2bs", 513, -1, "ab")     02 01 │ ff │ 61 62 00
//
// Format: < > = byte order, !n alignment, b B h H l L T iN IN integers, f d floats, s up to a zero byte, cN so many
// bytes (c0: as many as the number before says), x a zero byte. Every offset is compared with what is left, never added
// up first: a format and the data are foreign both.
#include "internal.h"
#include <ctype.h>
#include <stdint.h>

#define INTEGER_BYTES_MAX 32

struct header {
  int is_little;
  /// A power of two.
  size_t align;
};

static const struct header native = {1, 1};

static int number_in(lua_State *L, const char **format, int otherwise) {
  if (!isdigit((unsigned char)**format)) return otherwise;
  int number = 0;
  do {
    int digit = *(*format)++ - '0';
    if (number > (INT32_MAX - digit) / 10) luaL_error(L, "integral size overflow");
    number = number * 10 + digit;
  } while (isdigit((unsigned char)**format));
  return number;
}

/// Bytes of the option; its number is read off the format.
static size_t bytes_of(lua_State *L, char option, const char **format) {
  switch (option) {
  case 'b': case 'B': case 'x': return 1;
  case 'h': case 'H': return sizeof(short);
  case 'l': case 'L': return sizeof(long);
  case 'T': return sizeof(size_t);
  case 'f': return sizeof(float);
  case 'd': return sizeof(double);
  case 'c': return (size_t)number_in(L, format, 1);
  case 'i': case 'I': {
    int bytes = number_in(L, format, sizeof(int));
    if (bytes > INTEGER_BYTES_MAX) luaL_error(L, "integral size %d is larger than limit of %d", bytes, INTEGER_BYTES_MAX);
    if (bytes == 0) luaL_error(L, "integral size must not be 0");
    return (size_t)bytes;
  }
  default: return 0;
  }
}

/// Bytes of filling before an option of that size.
static size_t filling(size_t at, const struct header *header, char option, size_t bytes) {
  if (bytes == 0 || option == 'c') return 0;
  if (bytes > header->align) bytes = header->align;
  if ((bytes & (bytes - 1)) != 0) return 0;
  return (bytes - (at & (bytes - 1))) & (bytes - 1);
}

static void take_control(lua_State *L, char option, const char **format, struct header *header) {
  switch (option) {
  case ' ': return;
  case '>': header->is_little = 0; return;
  case '<': header->is_little = 1; return;
  case '=': header->is_little = native.is_little; return;
  case '!': {
    int align = number_in(L, format, 8);
    if (align <= 0 || (align & (align - 1)) != 0) luaL_error(L, "alignment is not a power of 2");
    header->align = (size_t)align;
    return;
  }
  default: luaL_argerror(L, 1, lua_pushfstring(L, "invalid format option '%c'", option));
  }
}

static uint64_t unsigned_of(lua_Number number) {
  if (number != number) return 0;
  if (number < 0) return number <= -9223372036854775808.0 ? (uint64_t)INT64_MIN : (uint64_t)(int64_t)number;
  return number >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)number;
}

static void add_integer(lua_State *L, struct output *output, lua_Number number, size_t bytes, int is_little) {
  uint64_t value = unsigned_of(number);
  char text[INTEGER_BYTES_MAX];
  for (size_t i = 0; i < bytes; i++) {
    text[is_little ? i : bytes - 1 - i] = (char)(i < 8 ? value >> (8 * i) : 0);
  }
  output_add(L, output, text, bytes);
}

static lua_Number integer_in(const unsigned char *at, size_t bytes, int is_little, int is_signed) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes && i < 8; i++) value |= (uint64_t)at[is_little ? i : bytes - 1 - i] << (8 * i);
  if (!is_signed) return (lua_Number)value;
  if (bytes < 8 && value >> (8 * bytes - 1) & 1) value |= ~(uint64_t)0 << (8 * bytes);
  return (lua_Number)(int64_t)value;
}

static void turn(char *bytes, size_t count, int is_little) {
  if (is_little == native.is_little) return;
  for (size_t i = 0; i < count / 2; i++) {
    char byte = bytes[i];
    bytes[i] = bytes[count - 1 - i];
    bytes[count - 1 - i] = byte;
  }
}

static int struct_pack(lua_State *L) {
  const char *format = luaL_checkstring(L, 1);
  struct header header = native;
  struct output *output = &machine_of(L)->scratch;
  int argument = 2;
  output_begin(output);
  while (*format) {
    char option = *format++;
    size_t bytes = bytes_of(L, option, &format);
    for (size_t left = filling(output->count, &header, option, bytes); left > 0; left--) output_byte(L, output, 0);
    switch (option) {
    case 'b': case 'B': case 'h': case 'H': case 'l': case 'L': case 'T': case 'i': case 'I':
      add_integer(L, output, luaL_checknumber(L, argument++), bytes, header.is_little);
      break;
    case 'x': output_byte(L, output, 0); break;
    case 'f': {
      float number = (float)luaL_checknumber(L, argument++);
      char text[sizeof number];
      memcpy(text, &number, sizeof number);
      turn(text, sizeof number, header.is_little);
      output_add(L, output, text, sizeof number);
      break;
    }
    case 'd': {
      double number = luaL_checknumber(L, argument++);
      char text[sizeof number];
      memcpy(text, &number, sizeof number);
      turn(text, sizeof number, header.is_little);
      output_add(L, output, text, sizeof number);
      break;
    }
    case 'c': case 's': {
      size_t count;
      const char *text = luaL_checklstring(L, argument++, &count);
      if (bytes == 0) bytes = count;
      luaL_argcheck(L, count >= bytes, argument - 1, "string too short");
      output_add(L, output, text, bytes);
      if (option == 's') output_byte(L, output, 0);
      break;
    }
    default: take_control(L, option, &format, &header);
    }
  }
  lua_pushlstring(L, output->count > 0 ? output->bytes : "", output->count);
  return 1;
}

static int struct_unpack(lua_State *L) {
  const char *format = luaL_checkstring(L, 1);
  size_t total;
  const char *data = luaL_checklstring(L, 2, &total);
  lua_Number first = luaL_optnumber(L, 3, 1);
  luaL_argcheck(L, first >= 1, 3, "offset must be 1 or greater");
  luaL_argcheck(L, first - 1 <= (lua_Number)total, 2, "data string too short");
  size_t at = (size_t)first - 1;
  struct header header = native;
  int results = 0;
  while (*format) {
    char option = *format++;
    size_t bytes = bytes_of(L, option, &format);
    size_t gap = filling(at, &header, option, bytes);
    luaL_argcheck(L, gap <= total - at && bytes <= total - at - gap, 2, "data string too short");
    at += gap;
    luaL_checkstack(L, 3, "too many results");
    const unsigned char *here = (const unsigned char *)data + at;
    switch (option) {
    case 'b': case 'B': case 'h': case 'H': case 'l': case 'L': case 'T': case 'i': case 'I':
      lua_pushnumber(L, integer_in(here, bytes, header.is_little, islower((unsigned char)option)));
      results++;
      break;
    case 'x': break;
    case 'f': {
      float number;
      char text[sizeof number];
      memcpy(text, here, sizeof number);
      turn(text, sizeof number, header.is_little);
      memcpy(&number, text, sizeof number);
      lua_pushnumber(L, number);
      results++;
      break;
    }
    case 'd': {
      double number;
      char text[sizeof number];
      memcpy(text, here, sizeof number);
      turn(text, sizeof number, header.is_little);
      memcpy(&number, text, sizeof number);
      lua_pushnumber(L, number);
      results++;
      break;
    }
    case 'c':
      if (bytes == 0) {
        if (results == 0 || !lua_isnumber(L, -1)) luaL_error(L, "format 'c0' needs a previous size");
        lua_Number count = lua_tonumber(L, -1);
        lua_pop(L, 1);
        results--;
        luaL_argcheck(L, count >= 0 && count <= (lua_Number)(total - at), 2, "data string too short");
        bytes = (size_t)count;
      }
      lua_pushlstring(L, (const char *)here, bytes);
      results++;
      break;
    case 's': {
      const char *end = memchr(here, 0, total - at);
      if (!end) luaL_error(L, "unfinished string in data");
      bytes = (size_t)(end - (const char *)here) + 1;
      lua_pushlstring(L, (const char *)here, bytes - 1);
      results++;
      break;
    }
    default: take_control(L, option, &format, &header);
    }
    at += bytes;
  }
  lua_pushnumber(L, (lua_Number)at + 1);
  return results + 1;
}

static int struct_size(lua_State *L) {
  const char *format = luaL_checkstring(L, 1);
  struct header header = native;
  size_t at = 0;
  while (*format) {
    char option = *format++;
    size_t bytes = bytes_of(L, option, &format);
    if (option == 's') luaL_argerror(L, 1, "variable-size format 's'");
    if (option == 'c' && bytes == 0) luaL_argerror(L, 1, "variable-size format 'c0'");
    bytes += filling(at, &header, option, bytes);
    if (bytes > (size_t)INT32_MAX - at) luaL_error(L, "integral size overflow");
    at += bytes;
    if (!isalnum((unsigned char)option)) take_control(L, option, &format, &header);
  }
  lua_pushinteger(L, (lua_Integer)at);
  return 1;
}

void open_struct(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, struct_pack);
  lua_setfield(L, -2, "pack");
  lua_pushcfunction(L, struct_unpack);
  lua_setfield(L, -2, "unpack");
  lua_pushcfunction(L, struct_size);
  lua_setfield(L, -2, "size");
}
