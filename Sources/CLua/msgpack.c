// msgpack.c — the library `cmsgpack`: Lua values as MessagePack and back.
//
//   {1, "a", true}      93 │ 01 │ a1 61 │ c3                  first byte: what it is and, if short, how long
//
// What is announced is compared with the bytes that are left before anything is taken or made. A table nested deeper
// than 16 is packed as nil, so that one that contains itself has an end.
#include "internal.h"
#include <math.h>

#define PACKED_DEPTH_MAX 16
#define UNPACKED_DEPTH_MAX 1000

// Packing

static void add_number(lua_State *L, struct output *output, unsigned char kind, uint64_t value, int bytes) {
  unsigned char text[9] = {kind};
  for (int i = 0; i < bytes; i++) text[1 + i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
  output_add(L, output, text, (size_t)bytes + 1);
}

static void add_integer(lua_State *L, struct output *output, int64_t value) {
  uint64_t bits = (uint64_t)value;
  if (value >= 0) {
    if (value <= 0x7F) output_byte(L, output, (char)value);
    else if (value <= 0xFF) add_number(L, output, 0xCC, bits, 1);
    else if (value <= 0xFFFF) add_number(L, output, 0xCD, bits, 2);
    else if (value <= 0xFFFFFFFF) add_number(L, output, 0xCE, bits, 4);
    else add_number(L, output, 0xCF, bits, 8);
  } else if (value >= -32) output_byte(L, output, (char)value);
  else if (value >= INT8_MIN) add_number(L, output, 0xD0, bits, 1);
  else if (value >= INT16_MIN) add_number(L, output, 0xD1, bits, 2);
  else if (value >= INT32_MIN) add_number(L, output, 0xD2, bits, 4);
  else add_number(L, output, 0xD3, bits, 8);
}

static void pack_number(lua_State *L, struct output *output, lua_Number number) {
  if (number >= -9223372036854775808.0 && number < 9223372036854775808.0 && number == floor(number))
    return add_integer(L, output, (int64_t)number);
  float narrow = (float)number;
  uint64_t bits = 0;
  if (narrow == number) {
    uint32_t half;
    memcpy(&half, &narrow, sizeof half);
    return add_number(L, output, 0xCA, half, 4);
  }
  memcpy(&bits, &number, sizeof bits);
  add_number(L, output, 0xCB, bits, 8);
}

static void add_length(lua_State *L, struct output *output, size_t count, unsigned char fixed, size_t fixed_max, unsigned char wide) {
  if (count <= fixed_max) output_byte(L, output, (char)(fixed | count));
  else if (count <= 0xFFFF) add_number(L, output, wide, count, 2);
  else add_number(L, output, (unsigned char)(wide + 1), count, 4);
}

/// Elements of the table at the top if its keys are 1 to n; -1 if they are not.
static long long array_length(lua_State *L) {
  long long count = 0;
  lua_Number highest = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    lua_Number key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(key > 0) || key != floor(key) || key > INT32_MAX) {
      lua_pop(L, 1);
      return -1;
    }
    if (key > highest) highest = key;
    count++;
  }
  return highest == (lua_Number)count ? count : -1;
}

static void pack_value(lua_State *L, struct output *output, int depth);

static void pack_table(lua_State *L, struct output *output, int depth) {
  long long length = array_length(L);
  if (length >= 0) {
    add_length(L, output, (size_t)length, 0x90, 15, 0xDC);
    for (int i = 1; i <= length; i++) {
      lua_rawgeti(L, -1, i);
      pack_value(L, output, depth + 1);
    }
    return;
  }
  size_t count = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    count++;
  }
  add_length(L, output, count, 0x80, 15, 0xDE);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pushvalue(L, -2);
    pack_value(L, output, depth + 1);
    pack_value(L, output, depth + 1);
  }
}

/// Appends the value at the top, and pops it.
static void pack_value(lua_State *L, struct output *output, int depth) {
  luaL_checkstack(L, 6, "nested too deeply to be packed");
  switch (lua_type(L, -1)) {
  case LUA_TSTRING: {
    size_t count;
    const char *text = lua_tolstring(L, -1, &count);
    if (count > 31 && count <= 0xFF) add_number(L, output, 0xD9, count, 1);
    else add_length(L, output, count, 0xA0, 31, 0xDA);
    output_add(L, output, text, count);
    break;
  }
  case LUA_TNUMBER: pack_number(L, output, lua_tonumber(L, -1)); break;
  case LUA_TBOOLEAN: output_byte(L, output, (char)(lua_toboolean(L, -1) ? 0xC3 : 0xC2)); break;
  case LUA_TTABLE:
    if (depth < PACKED_DEPTH_MAX) {
      pack_table(L, output, depth);
      break;
    }
    // fall through
  default: output_byte(L, output, (char)0xC0);
  }
  lua_pop(L, 1);
}

static int msgpack_pack(lua_State *L) {
  int count = lua_gettop(L);
  if (count == 0) return luaL_argerror(L, 0, "MessagePack pack needs input.");
  struct output *output = &machine_of(L)->scratch;
  output_begin(output);
  for (int i = 1; i <= count; i++) {
    lua_pushvalue(L, i);
    pack_value(L, output, 0);
  }
  lua_pushlstring(L, output->bytes, output->count);
  return 1;
}

// Unpacking

struct cursor {
  const unsigned char *at;
  size_t left;
};

static int bad_input(lua_State *L) { return luaL_error(L, "Bad data format in input."); }

static const unsigned char *take(lua_State *L, struct cursor *cursor, size_t bytes) {
  if (bytes > cursor->left) luaL_error(L, "Missing bytes in input.");
  const unsigned char *start = cursor->at;
  cursor->at += bytes;
  cursor->left -= bytes;
  return start;
}

static uint64_t take_number(lua_State *L, struct cursor *cursor, int bytes) {
  const unsigned char *at = take(L, cursor, (size_t)bytes);
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++) value = value << 8 | at[i];
  return value;
}

static void take_string(lua_State *L, struct cursor *cursor, uint64_t count) {
  lua_pushlstring(L, (const char *)take(L, cursor, (size_t)count), (size_t)count);
}

static void unpack_value(lua_State *L, struct cursor *cursor, int depth);

static void unpack_array(lua_State *L, struct cursor *cursor, uint64_t count, int depth) {
  // Each element has a byte at least; what is only announced makes no table.
  if (count > cursor->left) luaL_error(L, "Missing bytes in input.");
  lua_newtable(L);
  for (uint64_t i = 1; i <= count; i++) {
    unpack_value(L, cursor, depth + 1);
    lua_rawseti(L, -2, (int)i);
  }
}

static void unpack_map(lua_State *L, struct cursor *cursor, uint64_t count, int depth) {
  if (count > cursor->left / 2) luaL_error(L, "Missing bytes in input.");
  lua_newtable(L);
  for (uint64_t i = 0; i < count; i++) {
    unpack_value(L, cursor, depth + 1);
    unpack_value(L, cursor, depth + 1);
    if (lua_isnil(L, -2) || (lua_type(L, -2) == LUA_TNUMBER && isnan(lua_tonumber(L, -2)))) bad_input(L);
    lua_rawset(L, -3);
  }
}

static void unpack_value(lua_State *L, struct cursor *cursor, int depth) {
  luaL_checkstack(L, 6, "nested too deeply to be unpacked");
  if (depth > UNPACKED_DEPTH_MAX) bad_input(L);
  unsigned char kind = *take(L, cursor, 1);
  if (kind <= 0x7F) return lua_pushnumber(L, kind);
  if (kind >= 0xE0) return lua_pushnumber(L, (signed char)kind);
  if (kind <= 0x8F) return unpack_map(L, cursor, kind & 15, depth);
  if (kind <= 0x9F) return unpack_array(L, cursor, kind & 15, depth);
  if (kind <= 0xBF) return take_string(L, cursor, kind & 31);
  switch (kind) {
  case 0xC0: return lua_pushnil(L);
  case 0xC2: case 0xC3: return lua_pushboolean(L, kind & 1);
  case 0xCA: {
    uint32_t bits = (uint32_t)take_number(L, cursor, 4);
    float number;
    memcpy(&number, &bits, sizeof number);
    return lua_pushnumber(L, number);
  }
  case 0xCB: {
    uint64_t bits = take_number(L, cursor, 8);
    double number;
    memcpy(&number, &bits, sizeof number);
    return lua_pushnumber(L, number);
  }
  case 0xCC: return lua_pushnumber(L, (lua_Number)take_number(L, cursor, 1));
  case 0xCD: return lua_pushnumber(L, (lua_Number)take_number(L, cursor, 2));
  case 0xCE: return lua_pushnumber(L, (lua_Number)take_number(L, cursor, 4));
  case 0xCF: return lua_pushnumber(L, (lua_Number)take_number(L, cursor, 8));
  case 0xD0: return lua_pushnumber(L, (int8_t)take_number(L, cursor, 1));
  case 0xD1: return lua_pushnumber(L, (int16_t)take_number(L, cursor, 2));
  case 0xD2: return lua_pushnumber(L, (int32_t)take_number(L, cursor, 4));
  case 0xD3: return lua_pushnumber(L, (lua_Number)(int64_t)take_number(L, cursor, 8));
  case 0xC4: case 0xD9: return take_string(L, cursor, take_number(L, cursor, 1));
  case 0xC5: case 0xDA: return take_string(L, cursor, take_number(L, cursor, 2));
  case 0xC6: case 0xDB: return take_string(L, cursor, take_number(L, cursor, 4));
  case 0xDC: return unpack_array(L, cursor, take_number(L, cursor, 2), depth);
  case 0xDD: return unpack_array(L, cursor, take_number(L, cursor, 4), depth);
  case 0xDE: return unpack_map(L, cursor, take_number(L, cursor, 2), depth);
  case 0xDF: return unpack_map(L, cursor, take_number(L, cursor, 4), depth);
  default: bad_input(L);
  }
}

/// Unpacks `limit` values from `offset` on, all if 0; with a limit the next offset comes first, -1 at the end.
static int unpack_some(lua_State *L, lua_Number limit, lua_Number offset) {
  size_t count;
  const char *data = luaL_checklstring(L, 1, &count);
  if (!(offset >= 0) || !(limit >= 0))
    return luaL_error(L, "Invalid request to unpack with offset of %d and limit of %d.", (int)offset, (int)count);
  if (offset > (lua_Number)count)
    return luaL_error(L, "Start offset %d greater than input length %d.", (int)offset, (int)count);
  struct cursor cursor = {(const unsigned char *)data + (size_t)offset, count - (size_t)offset};
  int is_limited = limit > 0;
  // The argument stays where it is: its bytes are read.
  lua_settop(L, 1);
  int results = 0;
  while (cursor.left > 0 && (!is_limited || results < limit)) {
    unpack_value(L, &cursor, 0);
    results++;
  }
  if (!is_limited) return results;
  lua_pushnumber(L, cursor.left == 0 ? -1 : (lua_Number)(count - cursor.left));
  lua_insert(L, 2);
  return results + 1;
}

static int msgpack_unpack(lua_State *L) { return unpack_some(L, 0, 0); }

static int msgpack_unpack_one(lua_State *L) { return unpack_some(L, 1, luaL_optnumber(L, 2, 0)); }

static int msgpack_unpack_limit(lua_State *L) {
  return unpack_some(L, luaL_checknumber(L, 2), luaL_optnumber(L, 3, 0));
}

void open_msgpack(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"pack", msgpack_pack}, {"unpack", msgpack_unpack}, {"unpack_one", msgpack_unpack_one}, {"unpack_limit", msgpack_unpack_limit}, {0, 0}};
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name; function++) {
    lua_pushcfunction(L, function->func);
    lua_setfield(L, -2, function->name);
  }
  lua_pushliteral(L, "cmsgpack");
  lua_setfield(L, -2, "_NAME");
}
