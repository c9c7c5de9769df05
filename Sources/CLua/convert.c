// convert.c — answers of commands as Lua values, and values of scripts as answers.
//
//   RESP                    Lua                        RESP2         RESP3
//   +OK          ─▶  {ok = "OK"}               ─▶      +OK           +OK
//   -ERR x       ─▶  {err = "ERR x"}           ─▶      -ERR x        -ERR x
//   :1           ─▶  1, cut to an integer      ─▶      :1            :1
//   $2 $-1 *-1   ─▶  "ab", false               ─▶      $2, $-1       $2, _
//   ,1.5         ─▶  {double = 1.5}            ─▶      $3 1.5        ,1.5
//   %1 ~1        ─▶  {map = {}}, {set = {}}    ─▶      *2 *1         %1 ~1
//   _ #t         ─▶  nil, true                 ─▶      $-1 :1        _ #t after setresp(3), else :1
#include "internal.h"
#include <math.h>
#include <stdio.h>

// RESP to Lua. What is parsed here was written by this server.

static long long number_at(const char *at, const char *end, const char **behind) {
  const char *line = memchr(at, '\r', (size_t)(end - at));
  if (!line || end - line < 2) {
    *behind = end;
    return 0;
  }
  *behind = line + 2;
  int is_negative = at < line && *at == '-';
  unsigned long long value = 0;
  for (const char *digit = at + is_negative; digit < line; digit++) value = value * 10 + (unsigned)(*digit - '0');
  return is_negative ? (long long)(0 - value) : (long long)value;
}

static const char *push_line(lua_State *L, const char *at, const char *end) {
  const char *line = memchr(at, '\r', (size_t)(end - at));
  if (!line) line = end;
  lua_pushlstring(L, at, (size_t)(line - at));
  return end - line < 2 ? end : line + 2;
}

static const char *push_bulk(lua_State *L, const char *at, const char *end, size_t skipped) {
  long long count = number_at(at, end, &at);
  if (count < 0 || count > end - at) {
    lua_pushboolean(L, 0);
    return at;
  }
  size_t length = (size_t)count;
  if (skipped > length) skipped = length;
  lua_pushlstring(L, at + skipped, length - skipped);
  return end - at - count < 2 ? end : at + count + 2;
}

static const char *push_elements(lua_State *L, const char *at, const char *end) {
  long long count = number_at(at, end, &at);
  if (count < 0) {
    lua_pushboolean(L, 0);
    return at;
  }
  // No more than there can be: an element has three bytes at least.
  lua_createtable(L, (int)(count < (end - at) / 3 ? count : (end - at) / 3), 0);
  for (long long i = 0; i < count && at < end; i++) {
    at = push_reply(L, at, end);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return at;
}

static const char *push_pairs(lua_State *L, const char *at, const char *end, const char *name, int has_values) {
  long long count = number_at(at, end, &at);
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, (int)(count >= 0 && count < (end - at) / 3 ? count : (end - at) / 3));
  for (long long i = 0; i < count && at < end; i++) {
    at = push_reply(L, at, end);
    if (has_values) at = push_reply(L, at, end);
    else lua_pushboolean(L, 1);
    // Nothing can be found under nil or what is no number.
    if (lua_isnil(L, -2) || (lua_type(L, -2) == LUA_TNUMBER && isnan(lua_tonumber(L, -2)))) lua_pop(L, 2);
    else lua_rawset(L, -3);
  }
  lua_setfield(L, -2, name);
  return at;
}

static const char *push_double(lua_State *L, const char *at, const char *end) {
  char text[64];
  const char *line = memchr(at, '\r', (size_t)(end - at));
  size_t count = line ? (size_t)(line - at) : (size_t)(end - at);
  if (count >= sizeof text) count = sizeof text - 1;
  memcpy(text, at, count);
  text[count] = 0;
  lua_createtable(L, 0, 1);
  lua_pushnumber(L, strtod(text, 0));
  lua_setfield(L, -2, "double");
  return line && end - line >= 2 ? line + 2 : end;
}

const char *push_reply(lua_State *L, const char *at, const char *end) {
  luaL_checkstack(L, 8, "the answer is nested too deeply");
  if (at >= end) {
    lua_pushboolean(L, 0);
    return end;
  }
  char kind = *at++;
  switch (kind) {
  case '+':
    lua_createtable(L, 0, 1);
    at = push_line(L, at, end);
    lua_setfield(L, -2, "ok");
    return at;
  case '-': {
    const char *line = memchr(at, '\r', (size_t)(end - at));
    if (!line) line = end;
    push_error(L, at - 1, (size_t)(line - at) + 1);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "ignore_error_stats_update");
    return end - line < 2 ? end : line + 2;
  }
  case ':': {
    long long value = number_at(at, end, &at);
    lua_pushnumber(L, (lua_Number)value);
    return at;
  }
  case '$': return push_bulk(L, at, end, 0);
  case '=': {
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, 2);
    const char *start;
    number_at(at, end, &start);
    lua_pushlstring(L, start, end - start < 3 ? 0 : 3);
    lua_setfield(L, -2, "format");
    at = push_bulk(L, at, end, 4);
    lua_setfield(L, -2, "string");
    lua_setfield(L, -2, "verbatim_string");
    return at;
  }
  case '*':
  case '>': return push_elements(L, at, end);
  case '%': return push_pairs(L, at, end, "map", 1);
  case '~': return push_pairs(L, at, end, "set", 0);
  case ',': return push_double(L, at, end);
  case '(':
    lua_createtable(L, 0, 1);
    at = push_line(L, at, end);
    lua_setfield(L, -2, "big_number");
    return at;
  case '#':
    lua_pushboolean(L, at < end && *at == 't');
    return end - at < 3 ? end : at + 3;
  case '_':
    lua_pushnil(L);
    return end - at < 2 ? end : at + 2;
  default:
    lua_pushboolean(L, 0);
    return end;
  }
}

void push_error(lua_State *L, const char *text, size_t count) {
  const char *code = "ERR";
  size_t code_count = 3;
  if (count > 0 && text[0] == '-') {
    text++, count--;
    const char *space = memchr(text, ' ', count);
    if (space) {
      code = text, code_count = (size_t)(space - text);
      count -= code_count + 1, text = space + 1;
    }
  }
  while (count > 0 && (text[count - 1] == '\r' || text[count - 1] == '\n')) count--;
  while (count > 0 && (*text == '\r' || *text == '\n')) text++, count--;
  lua_createtable(L, 0, 2);
  lua_pushlstring(L, code, code_count);
  lua_pushliteral(L, " ");
  lua_pushlstring(L, text, count);
  lua_concat(L, 3);
  lua_setfield(L, -2, "err");
}

// Lua to RESP

static void add_header(lua_State *L, struct output *output, char kind, long long number) {
  char text[32];
  output_add(L, output, text, (size_t)snprintf(text, sizeof text, "%c%lld\r\n", kind, number));
}

static void add_bulk(lua_State *L, struct output *output, const char *bytes, size_t count) {
  add_header(L, output, '$', (long long)count);
  output_add(L, output, bytes, count);
  output_add(L, output, "\r\n", 2);
}

/// One line stays one line.
static void add_line(lua_State *L, struct output *output, char kind, const char *text, size_t count) {
  output_byte(L, output, kind);
  size_t start = output->count;
  output_add(L, output, text, count);
  for (size_t i = start; i < output->count; i++)
    if (output->bytes[i] == '\r' || output->bytes[i] == '\n') output->bytes[i] = ' ';
  output_add(L, output, "\r\n", 2);
}

static void add_null(lua_State *L, struct output *output, int resp) {
  if (resp == 3) output_add(L, output, "_\r\n", 3);
  else output_add(L, output, "$-1\r\n", 5);
}

static void add_double(lua_State *L, struct output *output, double value, int resp) {
  char text[64];
  int count;
  if (isinf(value)) count = snprintf(text, sizeof text, "%s", value > 0 ? "inf" : "-inf");
  else if (isnan(value)) count = snprintf(text, sizeof text, "nan");
  else count = snprintf(text, sizeof text, "%.17g", value);
  if (resp == 3) add_line(L, output, ',', text, (size_t)count);
  else add_bulk(L, output, text, (size_t)count);
}

/// The number as C would cut it, and its bounds where it does not fit.
static long long integer_of(lua_Number value) {
  if (isnan(value)) return INT64_MIN;
  if (value >= 9223372036854775807.0) return INT64_MAX;
  if (value <= -9223372036854775808.0) return INT64_MIN;
  return (long long)value;
}

/// Pushes field `name` of the table at the top, and answers whether it has that type; pops it if not.
static int push_field(lua_State *L, const char *name, int type) {
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  if (lua_type(L, -1) == type) return 1;
  lua_pop(L, 1);
  return 0;
}

static void add_pairs(lua_State *L, struct output *output, int resp, int has_values) {
  long long count = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    count++;
    lua_pop(L, 1);
  }
  if (resp == 3) add_header(L, output, has_values ? '%' : '~', count);
  else add_header(L, output, '*', has_values ? count * 2 : count);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pushvalue(L, -2);
    add_value(L, output, resp);
    if (has_values) add_value(L, output, resp);
    else lua_pop(L, 1);
  }
}

static void add_table(lua_State *L, struct output *output, int resp) {
  size_t count;
  const char *text;
  if (push_field(L, "err", LUA_TSTRING)) {
    text = lua_tolstring(L, -1, &count);
    add_line(L, output, '-', text, count);
  } else if (push_field(L, "ok", LUA_TSTRING)) {
    text = lua_tolstring(L, -1, &count);
    add_line(L, output, '+', text, count);
  } else if (push_field(L, "double", LUA_TNUMBER)) {
    add_double(L, output, lua_tonumber(L, -1), resp);
  } else if (push_field(L, "map", LUA_TTABLE)) {
    add_pairs(L, output, resp, 1);
  } else if (push_field(L, "set", LUA_TTABLE)) {
    add_pairs(L, output, resp, 0);
  } else if (push_field(L, "big_number", LUA_TSTRING)) {
    text = lua_tolstring(L, -1, &count);
    if (resp == 3) add_line(L, output, '(', text, count);
    else add_bulk(L, output, text, count);
  } else if (push_field(L, "verbatim_string", LUA_TTABLE)) {
    if (push_field(L, "string", LUA_TSTRING)) {
      text = lua_tolstring(L, -1, &count);
      char format[3] = {'t', 'x', 't'};
      lua_pushliteral(L, "format");
      lua_rawget(L, -3);
      size_t letters = 0;
      const char *given = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &letters) : 0;
      if (given && letters >= 3) memcpy(format, given, 3);
      if (resp == 3) {
        add_header(L, output, '=', (long long)count + 4);
        output_add(L, output, format, 3);
        output_byte(L, output, ':');
        output_add(L, output, text, count);
        output_add(L, output, "\r\n", 2);
      } else {
        add_bulk(L, output, text, count);
      }
      lua_pop(L, 2);
    } else {
      add_null(L, output, resp);
    }
  } else {
    int length = 0;
    for (;; length++) {
      lua_rawgeti(L, -1, length + 1);
      int is_end = lua_isnil(L, -1);
      lua_pop(L, 1);
      if (is_end) break;
    }
    add_header(L, output, '*', length);
    for (int i = 1; i <= length; i++) {
      lua_rawgeti(L, -1, i);
      add_value(L, output, resp);
    }
    return;
  }
  lua_pop(L, 1);
}

void add_value(lua_State *L, struct output *output, int resp) {
  // A value that contains itself has no end.
  if (!lua_checkstack(L, 8)) {
    add_line(L, output, '-', "ERR reached lua stack limit", 27);
    lua_pop(L, 1);
    return;
  }
  switch (lua_type(L, -1)) {
  case LUA_TSTRING: {
    size_t count;
    const char *text = lua_tolstring(L, -1, &count);
    add_bulk(L, output, text, count);
    break;
  }
  case LUA_TNUMBER: add_header(L, output, ':', integer_of(lua_tonumber(L, -1))); break;
  case LUA_TBOOLEAN:
    if (machine_of(L)->resp == 3 && resp == 3) output_add(L, output, lua_toboolean(L, -1) ? "#t\r\n" : "#f\r\n", 4);
    else if (machine_of(L)->resp == 3) add_header(L, output, ':', lua_toboolean(L, -1));
    else if (lua_toboolean(L, -1)) add_header(L, output, ':', 1);
    else add_null(L, output, resp);
    break;
  case LUA_TTABLE: add_table(L, output, resp); break;
  default: add_null(L, output, resp);
  }
  lua_pop(L, 1);
}
