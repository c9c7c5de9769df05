// sandbox.c — what scripts find, and what they cannot change.
//
//   globals of a script        hidden, filled once          metatable of the hidden table
//   ┌───────────────┐ __index  ┌──────────────────┐ __index ┌──────────────────────────────┐
//   │ always empty  │ ───────▶ │ redis, KEYS, …   │ ──────▶ │ raises: no such global       │
//   └───────────────┘          └──────────────────┘         └──────────────────────────────┘
//     __newindex raises; __metatable hides all of this
//
// LuaJIT knows no read-only tables, so each table that scripts share is an empty one in front of the real one. What
// would reach past metatables (rawset, next, table.insert, …) is replaced here by functions that recognise such a pair.
// There is no io, os, package, require, debug, jit, ffi, newproxy, setfenv: they are never opened, or taken out.
#include "internal.h"
#include <math.h>

/// Its address is the key under which a protected table's metatable keeps the real one.
static const char protected_key = 0;

static const char readonly[] = "Attempt to modify a readonly table";

static int refuse_change(lua_State *L) { return luaL_error(L, readonly); }

int push_protected(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return 0;
  lua_pushlightuserdata(L, (void *)&protected_key);
  lua_rawget(L, -2);
  if (lua_istable(L, -1)) {
    lua_remove(L, -2);
    return 1;
  }
  lua_pop(L, 2);
  return 0;
}

void protect(lua_State *L) {
  int real = lua_gettop(L);
  lua_newtable(L);
  lua_createtable(L, 0, 4);
  lua_pushlightuserdata(L, (void *)&protected_key);
  lua_pushvalue(L, real);
  lua_rawset(L, -3);
  lua_pushvalue(L, real);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, refuse_change);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_replace(L, real);
}

// Functions that would reach past metatables. The originals are upvalues.

static int is_protected(lua_State *L, int index) {
  if (!push_protected(L, index)) return 0;
  lua_pop(L, 1);
  return 1;
}

/// Calls the function in upvalue 1 with all arguments.
static int call_original(lua_State *L) {
  check_stack(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/// rawset, setmetatable, table.insert, table.remove, table.sort: not on what is shared.
static int safe_change(lua_State *L) {
  if (is_protected(L, 1)) return luaL_error(L, readonly);
  return call_original(L);
}

/// rawget, unpack and others that only read look at the real table.
static int safe_read(lua_State *L) {
  if (push_protected(L, 1)) lua_replace(L, 1);
  return call_original(L);
}

static int safe_next(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (push_protected(L, 1)) lua_replace(L, 1);
  return lua_next(L, 1) ? 2 : (lua_pushnil(L), 1);
}

/// The iterator gets the protected table, never the real one.
static int safe_pairs(lua_State *L) {
  if (!is_protected(L, 1)) return call_original(L);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

static int safe_getmetatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (is_protected(L, 1)) {
    // The globals have one that can be looked at and not changed; libraries have none to be seen.
    lua_pushvalue(L, 1);
    if (!lua_rawequal(L, -1, lua_upvalueindex(2))) return lua_pushnil(L), 1;
    lua_pushvalue(L, lua_upvalueindex(3));
    return 1;
  }
  if (!lua_istable(L, 1)) return lua_pushnil(L), 1;
  return call_original(L);
}

/// An error that is a table with a text, as redis.call raises them, is caught as its text.
static int safe_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  check_stack(L);
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  if (status == 0) {
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return lua_gettop(L);
  }
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "err");
    if (lua_isstring(L, -1)) lua_replace(L, -2);
    else lua_pop(L, 1);
  }
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

// Compiling: text only, since nobody checks compiled code.

static int finish_load(lua_State *L, const char *text, size_t count, const char *name) {
  if (luaL_loadbufferx(L, text, count, name, "t") == 0) return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

static int safe_loadstring(lua_State *L) {
  size_t count;
  const char *text = luaL_checklstring(L, 1, &count);
  return finish_load(L, text, count, luaL_optstring(L, 2, text));
}

static int safe_load(lua_State *L) {
  if (lua_isstring(L, 1)) return safe_loadstring(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  const char *name = luaL_optstring(L, 2, "=(load)");
  lua_settop(L, 2);
  lua_newtable(L);
  for (int pieces = 1;; pieces++) {
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1)) break;
    if (!lua_isstring(L, -1)) luaL_error(L, "reader function must return a string");
    if (lua_objlen(L, -1) == 0) break;
    lua_rawseti(L, 3, pieces);
  }
  lua_settop(L, 3);
  lua_getfield(L, LUA_REGISTRYINDEX, "martlet.concat");
  lua_pushvalue(L, 3);
  lua_call(L, 1, 1);
  size_t count;
  const char *text = lua_tolstring(L, -1, &count);
  return finish_load(L, text, count, name);
}

/// A script may look and help, but not switch the collector off.
static int safe_collectgarbage(lua_State *L) {
  const char *option = luaL_optstring(L, 1, "collect");
  if (strcmp(option, "count") && strcmp(option, "collect") && strcmp(option, "step")) {
    if (strcmp(option, "stop") && strcmp(option, "restart") && strcmp(option, "setpause") && strcmp(option, "setstepmul"))
      return luaL_argerror(L, 1, lua_pushfstring(L, "invalid option '%s'", option));
    lua_pushinteger(L, 0);
    return 1;
  }
  return call_original(L);
}

/// coroutine.wrap: a function that goes on with the coroutine, if there is stack for it.
static int safe_wrap(lua_State *L) {
  call_original(L);
  lua_pushcclosure(L, call_original, 1);
  return 1;
}

static int obsolete_setn(lua_State *L) { return luaL_error(L, "'setn' is obsolete"); }

// The same numbers in every run of every script: the 48-bit generator of drand48, begun anew each time.

static uint64_t next_random(struct martlet_lua *machine) {
  machine->random = (machine->random * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF;
  return machine->random >> 17;
}

static int fixed_random(lua_State *L) {
  lua_Number fraction = (lua_Number)(next_random(machine_of(L)) % INT32_MAX) / (lua_Number)INT32_MAX;
  switch (lua_gettop(L)) {
  case 0: lua_pushnumber(L, fraction); break;
  case 1: {
    int high = luaL_checkint(L, 1);
    luaL_argcheck(L, 1 <= high, 1, "interval is empty");
    lua_pushnumber(L, floor(fraction * high) + 1);
    break;
  }
  case 2: {
    int low = luaL_checkint(L, 1), high = luaL_checkint(L, 2);
    luaL_argcheck(L, low <= high, 2, "interval is empty");
    lua_pushnumber(L, floor(fraction * ((lua_Number)high - low + 1)) + low);
    break;
  }
  default: return luaL_error(L, "wrong number of arguments");
  }
  return 1;
}

static int fixed_randomseed(lua_State *L) {
  machine_of(L)->random = (uint64_t)(uint32_t)luaL_checkint(L, 1) << 16 | 0x330E;
  return 0;
}

// Putting it together

static int no_such_global(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  return luaL_error(L, "Script attempted to access nonexistent global variable '%s'", name);
}

static void open_library(lua_State *L, lua_CFunction open, const char *name) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

/// Replaces function `name` of the table at the top by one that has the original as its first upvalue.
static void wrap(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

static void rename_field(lua_State *L, const char *from, const char *to) {
  lua_getfield(L, -1, from);
  lua_setfield(L, -2, to);
}

static void remove_field(lua_State *L, const char *name) {
  lua_pushnil(L);
  lua_setfield(L, -2, name);
}

static const char *const kept_globals[] = {
    "assert", "collectgarbage", "coroutine", "error", "gcinfo", "getmetatable", "ipairs", "load", "loadstring", "math",
    "bit", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select", "setmetatable", "string", "table",
    "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION", 0};

static const char *const shared_tables[] = {"coroutine", "math", "bit", "string", "table", "redis", "cjson", "cmsgpack", "struct", 0};

static void open_tables(lua_State *L) {
  lua_getfield(L, LUA_GLOBALSINDEX, "table");
  lua_getfield(L, -1, "concat");
  lua_setfield(L, LUA_REGISTRYINDEX, "martlet.concat");
  remove_field(L, "move");
  wrap(L, "insert", safe_change);
  wrap(L, "remove", safe_change);
  wrap(L, "sort", safe_change);
  lua_pushcfunction(L, obsolete_setn);
  lua_setfield(L, -2, "setn");
  lua_pop(L, 1);
  lua_getfield(L, LUA_GLOBALSINDEX, "math");
  rename_field(L, "fmod", "mod");
  lua_pushcfunction(L, fixed_random);
  lua_setfield(L, -2, "random");
  lua_pushcfunction(L, fixed_randomseed);
  lua_setfield(L, -2, "randomseed");
  lua_pop(L, 1);
  lua_getfield(L, LUA_GLOBALSINDEX, "string");
  rename_field(L, "gmatch", "gfind");
  wrap(L, "gsub", call_original);
  lua_pop(L, 1);
  lua_getfield(L, LUA_GLOBALSINDEX, "coroutine");
  remove_field(L, "isyieldable");
  wrap(L, "resume", call_original);
  wrap(L, "wrap", safe_wrap);
  lua_pop(L, 1);
}

void open_sandbox(lua_State *L, const struct martlet_lua_identity *identity) {
  open_library(L, luaopen_base, "");
  open_library(L, luaopen_table, LUA_TABLIBNAME);
  open_library(L, luaopen_string, LUA_STRLIBNAME);
  open_library(L, luaopen_math, LUA_MATHLIBNAME);
  open_library(L, luaopen_bit, LUA_BITLIBNAME);
  open_tables(L);

  // The real table: what is kept of the globals, and what is ours.
  lua_newtable(L);
  int real = lua_gettop(L);
  for (const char *const *name = kept_globals; *name; name++) {
    lua_getfield(L, LUA_GLOBALSINDEX, *name);
    lua_setfield(L, real, *name);
  }
  wrap(L, "rawset", safe_change);
  wrap(L, "setmetatable", safe_change);
  wrap(L, "rawget", safe_read);
  wrap(L, "unpack", safe_read);
  wrap(L, "collectgarbage", safe_collectgarbage);
  lua_pushcfunction(L, safe_pcall);
  lua_setfield(L, real, "pcall");
  lua_pushcfunction(L, safe_load);
  lua_setfield(L, real, "load");
  lua_pushcfunction(L, safe_loadstring);
  lua_setfield(L, real, "loadstring");
  lua_pushcfunction(L, safe_next);
  lua_setfield(L, real, "next");
  lua_getfield(L, real, "pairs");
  lua_getfield(L, real, "next");
  lua_pushcclosure(L, safe_pairs, 2);
  lua_setfield(L, real, "pairs");
  open_api(L, identity);
  lua_setfield(L, real, "redis");
  open_json(L);
  lua_setfield(L, real, "cjson");
  open_msgpack(L);
  lua_setfield(L, real, "cmsgpack");
  open_struct(L);
  lua_setfield(L, real, "struct");
  for (const char *const *name = shared_tables; *name; name++) {
    lua_getfield(L, real, *name);
    protect(L);
    lua_setfield(L, real, *name);
  }
  lua_getfield(L, real, "redis");
  lua_setfield(L, real, "server");

  // Its metatable: what is not there is an error.
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, no_such_global);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, real);

  // In front of it the table that scripts get.
  lua_pushvalue(L, real);
  protect(L);
  int globals = lua_gettop(L);
  lua_pushvalue(L, globals);
  lua_setfield(L, real, "_G");
  lua_getfield(L, real, "getmetatable");
  lua_pushvalue(L, globals);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, no_such_global);
  lua_setfield(L, -2, "__index");
  protect(L);
  lua_pushcclosure(L, safe_getmetatable, 3);
  lua_setfield(L, real, "getmetatable");
  lua_pushvalue(L, real);
  lua_setfield(L, LUA_REGISTRYINDEX, "martlet.globals");
  // Nobody gets at what was loaded under these names.
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushvalue(L, globals);
  lua_replace(L, LUA_GLOBALSINDEX);
}
