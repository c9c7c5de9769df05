// json.c — the library `cjson`: Lua values as JSON and back, with the texts and the bounds that scripts know of it.
//
//   {1, 2}  ─▶ [1,2]        {a = 1} ─▶ {"a":1}        {} ─▶ {}        cjson.null ─▶ null
//
// A table is an array if its keys are 1 to n, few of them missing. Depth is bounded both ways. What scripts set here
// holds until the script ends.
#include "internal.h"
#include <math.h>
#include <stdio.h>

void json_reset(struct json_settings *settings) {
  *settings = (struct json_settings){
      .sparse_ratio = 2, .sparse_safe = 10, .encode_depth = 1000, .decode_depth = 1000, .precision = 14, .decode_invalid = 1};
}

// Encoding

static void fail_encoding(lua_State *L, const char *reason) {
  luaL_error(L, "Cannot serialise %s: %s", luaL_typename(L, -1), reason);
}

static void add_string(lua_State *L, struct output *output, const char *text, size_t count) {
  output_byte(L, output, '"');
  size_t start = 0;
  for (size_t i = 0; i < count; i++) {
    unsigned char byte = (unsigned char)text[i];
    char escape[8];
    int length = 2;
    escape[0] = '\\';
    switch (byte) {
    case '"': case '\\': case '/': escape[1] = (char)byte; break;
    case '\b': escape[1] = 'b'; break;
    case '\t': escape[1] = 't'; break;
    case '\n': escape[1] = 'n'; break;
    case '\f': escape[1] = 'f'; break;
    case '\r': escape[1] = 'r'; break;
    default:
      if (byte >= 0x20 && byte != 0x7F) continue;
      length = snprintf(escape, sizeof escape, "\\u%04x", byte);
    }
    output_add(L, output, text + start, i - start);
    output_add(L, output, escape, (size_t)length);
    start = i + 1;
  }
  output_add(L, output, text + start, count - start);
  output_byte(L, output, '"');
}

static void add_number(lua_State *L, struct output *output) {
  const struct json_settings *settings = &machine_of(L)->json;
  double number = lua_tonumber(L, -1);
  char text[64];
  if (!isfinite(number)) {
    if (settings->encode_invalid == 0) fail_encoding(L, "must not be NaN or Inf");
    if (settings->encode_invalid == 2) return output_add(L, output, "null", 4);
    const char *name = isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
    return output_add(L, output, name, strlen(name));
  }
  int count = snprintf(text, sizeof text, "%.*g", settings->precision, number);
  output_add(L, output, text, (size_t)count);
}

/// Elements of the table at the top if it is an array; -1 if it is an object.
static int array_length(lua_State *L) {
  const struct json_settings *settings = &machine_of(L)->json;
  double highest = 0;
  long long items = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    double key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(key >= 1) || floor(key) != key || key > INT32_MAX - 1) {
      lua_pop(L, 1);
      return -1;
    }
    if (key > highest) highest = key;
    items++;
  }
  if (settings->sparse_ratio > 0 && highest > (double)items * settings->sparse_ratio && highest > settings->sparse_safe) {
    if (!settings->sparse_convert) fail_encoding(L, "excessively sparse array");
    return -1;
  }
  return (int)highest;
}

static void encode_value(lua_State *L, struct output *output, int depth);

static void encode_object(lua_State *L, struct output *output, int depth) {
  int is_first = 1;
  output_byte(L, output, '{');
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (!is_first) output_byte(L, output, ',');
    is_first = 0;
    if (lua_type(L, -2) == LUA_TNUMBER) {
      output_byte(L, output, '"');
      lua_pushvalue(L, -2);
      add_number(L, output);
      lua_pop(L, 1);
      output_byte(L, output, '"');
    } else if (lua_type(L, -2) == LUA_TSTRING) {
      size_t count;
      const char *text = lua_tolstring(L, -2, &count);
      add_string(L, output, text, count);
    } else {
      lua_pop(L, 1);
      fail_encoding(L, "table key must be a number or string");
    }
    output_byte(L, output, ':');
    encode_value(L, output, depth);
    lua_pop(L, 1);
  }
  output_byte(L, output, '}');
}

/// Appends the value at the top, which stays.
static void encode_value(lua_State *L, struct output *output, int depth) {
  switch (lua_type(L, -1)) {
  case LUA_TSTRING: {
    size_t count;
    const char *text = lua_tolstring(L, -1, &count);
    return add_string(L, output, text, count);
  }
  case LUA_TNUMBER: return add_number(L, output);
  case LUA_TBOOLEAN:
    return lua_toboolean(L, -1) ? output_add(L, output, "true", 4) : output_add(L, output, "false", 5);
  case LUA_TNIL: return output_add(L, output, "null", 4);
  case LUA_TTABLE: {
    depth++;
    if (depth > machine_of(L)->json.encode_depth || !lua_checkstack(L, 4))
      luaL_error(L, "Cannot serialise, excessive depth (%d)", depth);
    int length = array_length(L);
    if (length <= 0) return encode_object(L, output, depth);
    output_byte(L, output, '[');
    for (int i = 1; i <= length; i++) {
      if (i > 1) output_byte(L, output, ',');
      lua_rawgeti(L, -1, i);
      encode_value(L, output, depth);
      lua_pop(L, 1);
    }
    return output_byte(L, output, ']');
  }
  case LUA_TLIGHTUSERDATA:
    if (!lua_touserdata(L, -1)) return output_add(L, output, "null", 4);
    // fall through
  default: fail_encoding(L, "type not supported");
  }
}

static int json_encode(lua_State *L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  struct output *output = &machine_of(L)->scratch;
  output_begin(output);
  encode_value(L, output, 0);
  lua_pushlstring(L, output->bytes, output->count);
  return 1;
}

// Decoding

struct text {
  const char *start, *at, *end;
  int depth;
};

static void fail_decoding(lua_State *L, const struct text *text, const char *expected, const char *found, const char *at) {
  luaL_error(L, "Expected %s but found %s at character %d", expected, found, (int)(at - text->start) + 1);
}

static void skip_space(struct text *text) {
  while (text->at < text->end && (*text->at == ' ' || *text->at == '\t' || *text->at == '\n' || *text->at == '\r')) text->at++;
}

/// What begins at the next byte, as messages call it.
static const char *kind_of(const struct text *text) {
  if (text->at >= text->end) return "T_END";
  size_t left = (size_t)(text->end - text->at);
  switch (*text->at) {
  case '{': return "T_OBJ_BEGIN";
  case '}': return "T_OBJ_END";
  case '[': return "T_ARR_BEGIN";
  case ']': return "T_ARR_END";
  case ',': return "T_COMMA";
  case ':': return "T_COLON";
  case '"': return "T_STRING";
  case 't': return left >= 4 && !memcmp(text->at, "true", 4) ? "T_BOOLEAN" : "invalid token";
  case 'f': return left >= 5 && !memcmp(text->at, "false", 5) ? "T_BOOLEAN" : "invalid token";
  case 'n': if (left >= 4 && !memcmp(text->at, "null", 4)) return "T_NULL"; return "invalid token";
  case '-': case '0' ... '9': return "T_NUMBER";
  default: return "invalid token";
  }
}

static int hex_of(const char *at) {
  int value = 0;
  for (int i = 0; i < 4; i++) {
    char digit = at[i];
    int number = digit >= '0' && digit <= '9'   ? digit - '0'
                 : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                 : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                : -1;
    if (number < 0) return -1;
    value = value * 16 + number;
  }
  return value;
}

static void add_code_point(lua_State *L, struct output *output, unsigned code) {
  char text[4];
  size_t count;
  if (code < 0x80) text[0] = (char)code, count = 1;
  else if (code < 0x800) text[0] = (char)(0xC0 | code >> 6), text[1] = (char)(0x80 | (code & 63)), count = 2;
  else if (code < 0x10000) {
    text[0] = (char)(0xE0 | code >> 12), text[1] = (char)(0x80 | (code >> 6 & 63)), text[2] = (char)(0x80 | (code & 63)), count = 3;
  } else {
    text[0] = (char)(0xF0 | code >> 18), text[1] = (char)(0x80 | (code >> 12 & 63));
    text[2] = (char)(0x80 | (code >> 6 & 63)), text[3] = (char)(0x80 | (code & 63)), count = 4;
  }
  output_add(L, output, text, count);
}

/// The code point of the escape at `at`, which stands on its backslash, and how many bytes it takes; -1 if it is none.
static long code_point(const struct text *text, const char *at, int *length) {
  if (text->end - at < 6) return -1;
  long code = hex_of(at + 2);
  *length = 6;
  if (code < 0 || (code & 0xF800) != 0xD800) return code;
  // A surrogate: its other half has to follow.
  if (code & 0x400 || text->end - at < 12 || at[6] != '\\' || at[7] != 'u') return -1;
  long low = hex_of(at + 8);
  if (low < 0 || (low & 0xFC00) != 0xDC00) return -1;
  *length = 12;
  return ((code & 0x3FF) << 10 | (low & 0x3FF)) + 0x10000;
}

/// Pushes the string that begins at its quote. `expected` is for messages.
static void decode_string(lua_State *L, struct text *text, const char *expected) {
  struct output *output = &machine_of(L)->scratch;
  output_begin(output);
  const char *at = text->at + 1;
  for (;;) {
    const char *start = at;
    while (at < text->end && *at != '"' && *at != '\\') at++;
    output_add(L, output, start, (size_t)(at - start));
    if (at >= text->end) fail_decoding(L, text, expected, "unexpected end of string", text->end);
    if (*at == '"') break;
    char escape = at + 1 < text->end ? at[1] : 0;
    int length = 2;
    switch (escape) {
    case '"': case '\\': case '/': output_byte(L, output, escape); break;
    case 'b': output_byte(L, output, '\b'); break;
    case 't': output_byte(L, output, '\t'); break;
    case 'n': output_byte(L, output, '\n'); break;
    case 'f': output_byte(L, output, '\f'); break;
    case 'r': output_byte(L, output, '\r'); break;
    case 'u': {
      long code = code_point(text, at, &length);
      if (code < 0) fail_decoding(L, text, expected, "invalid unicode escape code", at);
      add_code_point(L, output, (unsigned)code);
      break;
    }
    default: fail_decoding(L, text, expected, "invalid escape code", at);
    }
    at += length;
  }
  lua_pushlstring(L, output->count > 0 ? output->bytes : "", output->count);
  text->at = at + 1;
}

/// Forms that JSON does not have: hexadecimal, leading zeros, NaN, Inf, a plus sign.
static int is_invalid_number(const struct text *text) {
  const char *at = text->at;
  if (at < text->end && *at == '+') return 1;
  if (at < text->end && *at == '-') at++;
  size_t left = (size_t)(text->end - at);
  if (left == 0) return 0;
  if (*at == '0') return left > 1 && (at[1] == 'x' || at[1] == 'X' || (at[1] >= '0' && at[1] <= '9'));
  if (*at >= '1' && *at <= '9') return 0;
  if (left >= 3 && (!strncasecmp(at, "inf", 3) || !strncasecmp(at, "nan", 3))) return 1;
  return 0;
}

static int decode_number(lua_State *L, struct text *text, const char *expected) {
  // strtod stops at the zero byte behind every Lua string at the latest.
  char *end;
  double number = strtod(text->at, &end);
  if (end == text->at) fail_decoding(L, text, expected, "invalid number", text->at);
  lua_pushnumber(L, number);
  text->at = end;
  return 1;
}

static void decode_value(lua_State *L, struct text *text, const char *expected);

static void descend(lua_State *L, struct text *text) {
  if (++text->depth > machine_of(L)->json.decode_depth || !lua_checkstack(L, 6))
    luaL_error(L, "Found too many nested data structures (%d) at character %d", text->depth, (int)(text->at - text->start));
}

static void decode_object(lua_State *L, struct text *text) {
  text->at++;
  descend(L, text);
  lua_newtable(L);
  skip_space(text);
  if (text->at < text->end && *text->at == '}') {
    text->at++, text->depth--;
    return;
  }
  for (const char *expected = "object key string or object end";; expected = "object key string") {
    skip_space(text);
    if (text->at >= text->end || *text->at != '"') fail_decoding(L, text, expected, kind_of(text), text->at);
    decode_string(L, text, expected);
    skip_space(text);
    if (text->at >= text->end || *text->at != ':') fail_decoding(L, text, "colon", kind_of(text), text->at);
    text->at++;
    decode_value(L, text, "value");
    lua_rawset(L, -3);
    skip_space(text);
    if (text->at < text->end && *text->at == '}') break;
    if (text->at >= text->end || *text->at != ',') fail_decoding(L, text, "comma or object end", kind_of(text), text->at);
    text->at++;
  }
  text->at++, text->depth--;
}

static void decode_array(lua_State *L, struct text *text) {
  text->at++;
  descend(L, text);
  lua_newtable(L);
  skip_space(text);
  if (text->at < text->end && *text->at == ']') {
    text->at++, text->depth--;
    return;
  }
  for (int i = 1;; i++) {
    decode_value(L, text, i == 1 ? "value or array end" : "value");
    lua_rawseti(L, -2, i);
    skip_space(text);
    if (text->at < text->end && *text->at == ']') break;
    if (text->at >= text->end || *text->at != ',') fail_decoding(L, text, "comma or array end", kind_of(text), text->at);
    text->at++;
  }
  text->at++, text->depth--;
}

/// Pushes one value.
static void decode_value(lua_State *L, struct text *text, const char *expected) {
  skip_space(text);
  const char *kind = kind_of(text);
  if (!strcmp(kind, "T_STRING")) return decode_string(L, text, expected);
  if (!strcmp(kind, "T_OBJ_BEGIN")) return decode_object(L, text);
  if (!strcmp(kind, "T_ARR_BEGIN")) return decode_array(L, text);
  if (!strcmp(kind, "T_BOOLEAN")) {
    int is_true = *text->at == 't';
    text->at += is_true ? 4 : 5;
    return lua_pushboolean(L, is_true);
  }
  if (!strcmp(kind, "T_NULL")) {
    text->at += 4;
    return lua_pushlightuserdata(L, 0);
  }
  int is_invalid = is_invalid_number(text);
  int is_number = !strcmp(kind, "T_NUMBER");
  if (is_invalid && !machine_of(L)->json.decode_invalid)
    fail_decoding(L, text, expected, is_number ? "invalid number" : "invalid token", text->at);
  if (!is_number && !is_invalid) fail_decoding(L, text, expected, kind, text->at);
  decode_number(L, text, expected);
}

static int json_decode(lua_State *L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  size_t count;
  const char *start = luaL_checklstring(L, 1, &count);
  if (count >= 2 && (!start[0] || !start[1])) return luaL_error(L, "JSON parser does not support UTF-16 or UTF-32");
  struct text text = {start, start, start + count, 0};
  decode_value(L, &text, "value");
  skip_space(&text);
  if (text.at < text.end) fail_decoding(L, &text, "the end", kind_of(&text), text.at);
  return 1;
}

// Settings

/// Sets an integer from argument `index`, if there is one, and pushes what it is then.
static void integer_setting(lua_State *L, int index, int *value, int low, int high) {
  if (!lua_isnoneornil(L, index)) {
    lua_Integer given = luaL_checkinteger(L, index);
    if (given < low || given > high) luaL_argerror(L, index, lua_pushfstring(L, "expected integer between %d and %d", low, high));
    *value = (int)given;
  }
  lua_pushinteger(L, *value);
}

static int flag_setting(lua_State *L, int *value) {
  if (!lua_isnoneornil(L, 1)) *value = lua_toboolean(L, 1);
  lua_pushboolean(L, *value);
  return 1;
}

static int set_sparse(lua_State *L) {
  struct json_settings *settings = &machine_of(L)->json;
  luaL_argcheck(L, lua_gettop(L) <= 3, 4, "found too many arguments");
  lua_settop(L, 3);
  if (!lua_isnil(L, 1)) settings->sparse_convert = lua_toboolean(L, 1);
  lua_pushboolean(L, settings->sparse_convert);
  integer_setting(L, 2, &settings->sparse_ratio, 0, INT32_MAX);
  integer_setting(L, 3, &settings->sparse_safe, 0, INT32_MAX);
  return 3;
}

// Beyond this C's own stack would end before the bound is reached.
#define DEPTH_MAX 16000

static int set_encode_depth(lua_State *L) { return integer_setting(L, 1, &machine_of(L)->json.encode_depth, 1, DEPTH_MAX), 1; }
static int set_decode_depth(lua_State *L) { return integer_setting(L, 1, &machine_of(L)->json.decode_depth, 1, DEPTH_MAX), 1; }
static int set_precision(lua_State *L) { return integer_setting(L, 1, &machine_of(L)->json.precision, 1, 17), 1; }
static int set_decode_invalid(lua_State *L) { return flag_setting(L, &machine_of(L)->json.decode_invalid); }

/// The buffer is kept in any case.
static int set_keep_buffer(lua_State *L) {
  int is_kept = 1;
  return flag_setting(L, &is_kept);
}

static int set_encode_invalid(lua_State *L) {
  static const char *const names[] = {"off", "on", "null", 0};
  int *value = &machine_of(L)->json.encode_invalid;
  if (lua_isboolean(L, 1)) *value = lua_toboolean(L, 1);
  else if (!lua_isnoneornil(L, 1)) *value = luaL_checkoption(L, 1, 0, names);
  if (*value == 2) lua_pushliteral(L, "null");
  else lua_pushboolean(L, *value);
  return 1;
}

static int json_new(lua_State *L) {
  open_json(L);
  return 1;
}

void open_json(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"encode", json_encode},
      {"decode", json_decode},
      {"encode_sparse_array", set_sparse},
      {"encode_max_depth", set_encode_depth},
      {"decode_max_depth", set_decode_depth},
      {"encode_number_precision", set_precision},
      {"encode_keep_buffer", set_keep_buffer},
      {"encode_invalid_numbers", set_encode_invalid},
      {"decode_invalid_numbers", set_decode_invalid},
      {"new", json_new},
      {0, 0}};
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name; function++) {
    lua_pushcfunction(L, function->func);
    lua_setfield(L, -2, function->name);
  }
  lua_pushlightuserdata(L, 0);
  lua_setfield(L, -2, "null");
  lua_pushliteral(L, "cjson");
  lua_setfield(L, -2, "_NAME");
  lua_pushliteral(L, "2.1.0");
  lua_setfield(L, -2, "_VERSION");
}
