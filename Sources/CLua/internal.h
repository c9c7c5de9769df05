// internal.h — what the parts of the Lua glue share. Every function that takes a lua_State may raise.
#ifndef MARTLET_CLUA_INTERNAL_H
#define MARTLET_CLUA_INTERNAL_H
#include "include/CLua.h"
#include <luajit-2.1/lua.h>
#include <luajit-2.1/lauxlib.h>
#include <luajit-2.1/lualib.h>
#include <luajit-2.1/luajit.h>
#include <stdlib.h>
#include <string.h>

/// Bytes that grow; they belong to the machine, so that nothing is lost when an error is raised.
struct output {
  char *bytes;
  size_t count, capacity;
};

/// What scripts can set of cjson.
struct json_settings {
  int sparse_convert, sparse_ratio, sparse_safe;
  int encode_depth, decode_depth;
  int precision;
  /// 0: an error; 1: as they are; 2: null.
  int encode_invalid;
  int decode_invalid;
};

struct martlet_lua {
  lua_State *state;
  size_t used, limit;
  struct martlet_lua_callbacks callbacks;
  /// Answers of scripts, texts of cjson, and the rest.
  struct output reply, scratch;
  struct json_settings json;
  /// Of math.random.
  uint64_t random;
  /// Protocol version that the script has asked for.
  int resp;
  /// The line of the script's last return, for errors whose place is lost.
  int last_return;
  /// Scripts begin nothing that calls back below this address of C's stack.
  const char *floor;
  unsigned runs;
  /// Pieces of output since somebody asked whether the script may go on.
  unsigned pieces;
};

struct martlet_lua *machine_of(lua_State *L);
/// Raises if C's stack is nearly used up.
void check_stack(lua_State *L);
/// Raises if the script must end.
void ask_to_go_on(lua_State *L);

// Output: raises when there is no memory or the bounds are passed.
#define OUTPUT_MAX ((size_t)512 << 20)
void output_begin(struct output *output);
void output_add(lua_State *L, struct output *output, const void *bytes, size_t count);
static inline void output_byte(lua_State *L, struct output *output, char byte) { output_add(L, output, &byte, 1); }
/// Gives unusually much memory back.
void output_shrink(struct output *output);

// Conversions: convert.c.
/// Pushes what `reply` holds; the first byte behind it.
const char *push_reply(lua_State *L, const char *at, const char *end);
/// Appends the value at the top in RESP, and pops it.
void add_value(lua_State *L, struct output *output, int resp);
/// Pushes {err = text}: "-CODE text" as it is, anything else with ERR in front.
void push_error(lua_State *L, const char *text, size_t count);

// Sandbox: sandbox.c.
/// The table behind a protected one is pushed, and 1; 0 and nothing if it is none.
int push_protected(lua_State *L, int index);
/// Replaces the table at the top by one that can be read only.
void protect(lua_State *L);
void open_sandbox(lua_State *L, const struct martlet_lua_identity *identity);

// Libraries: each pushes its table.
void open_api(lua_State *L, const struct martlet_lua_identity *identity);
void open_json(lua_State *L);
void open_msgpack(lua_State *L);
void open_struct(lua_State *L);
void json_reset(struct json_settings *settings);
#endif
