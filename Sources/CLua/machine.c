// machine.c — the machine: its memory, compiling, running, and the question whether to go on.
//
// LuaJIT with its compiler off: the interpreter looks at the count hook, compiled loops would not. All memory comes
// through `allocate`, which refuses what is beyond the limit: Lua then raises "not enough memory", which a script may
// catch and which ends it otherwise.
#include "internal.h"

/// Instructions between two looks at the clock.
#define HOOK_INSTRUCTIONS 5000
/// What a machine may keep of garbage when a script has ended.
#define GARBAGE_MAX ((size_t)32 << 20)
/// Of C's stack, what is left for what does not ask: calls within Lua's own functions, bodies of commands.
#define STACK_RESERVE ((size_t)8 << 20)
#define BUFFER_KEPT_MAX ((size_t)1 << 20)

static void *allocate(void *context, void *block, size_t old, size_t wanted) {
  struct martlet_lua *machine = context;
  if (wanted == 0) {
    free(block);
    machine->used -= old;
    return 0;
  }
  if (wanted > old && wanted - old > machine->limit - (machine->used < machine->limit ? machine->used : machine->limit)) return 0;
  void *moved = realloc(block, wanted);
  if (moved) machine->used += wanted - old;
  return moved;
}

struct martlet_lua *machine_of(lua_State *L) {
  void *context = 0;
  lua_getallocf(L, &context);
  return context;
}

void check_stack(lua_State *L) {
  char here;
  if ((const char *)&here < machine_of(L)->floor) luaL_error(L, "C stack overflow");
}

size_t martlet_lua_memory(const struct martlet_lua *machine) { return machine->used; }

// Output

void output_begin(struct output *output) { output->count = 0; }

void output_add(lua_State *L, struct output *output, const void *bytes, size_t count) {
  // Values that share their parts can be small and their text without end.
  struct martlet_lua *machine = machine_of(L);
  if (++machine->pieces >= HOOK_INSTRUCTIONS) {
    machine->pieces = 0;
    ask_to_go_on(L);
  }
  if (count > output->capacity - output->count) {
    if (count > OUTPUT_MAX - output->count) luaL_error(L, "the result is too large");
    size_t wanted = output->capacity < 256 ? 256 : output->capacity * 2;
    if (wanted < output->count + count) wanted = output->count + count;
    char *moved = realloc(output->bytes, wanted);
    if (!moved) luaL_error(L, "not enough memory");
    output->bytes = moved;
    output->capacity = wanted;
  }
  if (count > 0) memcpy(output->bytes + output->count, bytes, count);
  output->count += count;
}

void output_shrink(struct output *output) {
  if (output->capacity <= BUFFER_KEPT_MAX) return;
  free(output->bytes);
  *output = (struct output){0};
}

static struct martlet_bytes bytes_of(const struct output *output) {
  return (struct martlet_bytes){output->bytes ? output->bytes : "", output->count};
}

/// Sets a text where nothing may be raised.
static struct martlet_bytes plain_text(struct martlet_lua *machine, const char *text) {
  (void)machine;
  return (struct martlet_bytes){text, strlen(text)};
}

// Beginning and end

static int on_panic(lua_State *L) {
  (void)L;
  abort();
}

struct opening {
  const struct martlet_lua_identity *identity;
};

static int open_protected(lua_State *L) {
  struct opening *opening = lua_touserdata(L, 1);
  open_sandbox(L, opening->identity);
  return 0;
}

struct martlet_lua *martlet_lua_open(
    const struct martlet_lua_callbacks *callbacks, const struct martlet_lua_identity *identity, size_t memory_max) {
  struct martlet_lua *machine = calloc(1, sizeof *machine);
  if (!machine) return 0;
  machine->limit = memory_max;
  machine->callbacks = *callbacks;
  machine->resp = 2;
  json_reset(&machine->json);
  machine->state = lua_newstate(allocate, machine);
  if (!machine->state) {
    free(machine);
    return 0;
  }
  lua_atpanic(machine->state, on_panic);
  luaJIT_setmode(machine->state, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  struct opening opening = {identity};
  if (lua_cpcall(machine->state, open_protected, &opening) != 0) {
    martlet_lua_close(machine);
    return 0;
  }
  return machine;
}

void martlet_lua_close(struct martlet_lua *machine) {
  lua_close(machine->state);
  free(machine->reply.bytes);
  free(machine->scratch.bytes);
  free(machine);
}

// Scripts

struct compiling {
  struct martlet_bytes text;
  int script;
};

static int compile_protected(lua_State *L) {
  struct compiling *compiling = lua_touserdata(L, 1);
  // Text only: compiled code of foreign origin is not checked by anybody.
  if (luaL_loadbufferx(L, compiling->text.start, compiling->text.count, "@user_script", "t") != 0) lua_error(L);
  compiling->script = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/// The message at the top as bytes that last until the next call; pops it.
static struct martlet_bytes take_message(struct martlet_lua *machine, struct output *output) {
  size_t count = 0;
  const char *text = lua_type(machine->state, -1) == LUA_TSTRING ? lua_tolstring(machine->state, -1, &count) : 0;
  if (!text || count > (64 << 10)) {
    lua_pop(machine->state, 1);
    return plain_text(machine, "error in error handling");
  }
  char *copy = realloc(output->bytes, count + 1);
  if (!copy) {
    lua_pop(machine->state, 1);
    return plain_text(machine, "not enough memory");
  }
  memcpy(copy, text, count);
  output->bytes = copy;
  output->count = count;
  output->capacity = count + 1;
  lua_pop(machine->state, 1);
  return bytes_of(output);
}

int martlet_lua_compile(struct martlet_lua *machine, struct martlet_bytes text, struct martlet_bytes *error) {
  struct compiling compiling = {text, LUA_NOREF};
  if (lua_cpcall(machine->state, compile_protected, &compiling) == 0) return compiling.script;
  *error = take_message(machine, &machine->scratch);
  return -1;
}

void martlet_lua_forget(struct martlet_lua *machine, int script) {
  // Storing nil or a number at an index that is there takes no memory.
  luaL_unref(machine->state, LUA_REGISTRYINDEX, script);
}

// Running

static void on_count(lua_State *L, lua_Debug *debug) {
  (void)debug;
  ask_to_go_on(L);
}

/// Once it must end, every line asks again, so that it cannot catch the error and go on.
void ask_to_go_on(lua_State *L) {
  struct martlet_lua *machine = machine_of(L);
  int answer = machine->callbacks.may_go_on(machine->callbacks.context);
  if (answer == MARTLET_LUA_GO_ON) return;
  lua_sethook(L, on_count, LUA_MASKLINE | LUA_MASKCOUNT, 1);
  const char *text = answer == MARTLET_LUA_FUNCTION_KILLED ? "Script killed by user with FUNCTION KILL."
                                                           : "Script killed by user with SCRIPT KILL.";
  push_error(L, text, strlen(text));
  lua_error(L);
}

/// Makes an error a table that says where it happened.
static int on_error(lua_State *L) {
  lua_Debug place;
  int is_known = lua_getstack(L, 1, &place) && lua_getinfo(L, "nSl", &place);
  for (int level = 2; is_known && place.currentline <= 0; level++)
    is_known = lua_getstack(L, level, &place) && lua_getinfo(L, "nSl", &place);
  if (!is_known) {
    // LuaJIT gives a function's frame away where it returns what another one returns: `return redis.call(…)`.
    place.source = "@user_script";
    place.currentline = machine_of(L)->last_return;
    is_known = place.currentline > 0;
  }
  if (!lua_istable(L, 1)) {
    size_t count;
    const char *text;
    if (lua_isnil(L, 1)) text = "nil", count = 3;
    else if (lua_isboolean(L, 1)) text = lua_toboolean(L, 1) ? "true" : "false", count = strlen(text);
    else text = lua_tolstring(L, 1, &count);
    if (!text) text = luaL_typename(L, 1), count = strlen(text);
    lua_createtable(L, 0, 3);
    lua_pushliteral(L, "ERR ");
    lua_pushlstring(L, text, count);
    lua_concat(L, 2);
    lua_setfield(L, -2, "err");
    lua_replace(L, 1);
  } else if (push_protected(L, 1)) {
    // One of ours was thrown; it stays as it is.
    lua_settop(L, 1);
    return 1;
  }
  lua_settop(L, 1);
  if (!is_known) return 1;
  lua_pushliteral(L, "source");
  lua_pushstring(L, place.source);
  lua_rawset(L, 1);
  lua_pushliteral(L, "line");
  lua_pushinteger(L, place.currentline);
  lua_rawset(L, 1);
  return 1;
}

struct running {
  int script;
  const char *name;
  const struct martlet_bytes *keys, *arguments;
  size_t key_count, argument_count;
  int resp;
  struct martlet_lua_result *result;
};

static void set_words(lua_State *L, const char *name, const struct martlet_bytes *words, size_t count) {
  lua_pushstring(L, name);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_pushlstring(L, words[i].start, words[i].count);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_rawset(L, -3);
}

static void add_field(lua_State *L, struct output *output, const char *before, int table, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, table);
  if (lua_isstring(L, -1)) {
    size_t count;
    const char *text = lua_tolstring(L, -1, &count);
    output_add(L, output, before, strlen(before));
    output_add(L, output, text, count);
  }
  lua_pop(L, 1);
}

/// The error at the top as the text of an answer.
static void add_failure(lua_State *L, struct running *running, struct output *output) {
  running->result->is_error = 1;
  if (!lua_istable(L, -1)) {
    size_t count = 0;
    const char *text = lua_isstring(L, -1) ? lua_tolstring(L, -1, &count) : 0;
    if (!text) text = "execution failure", count = strlen(text);
    lua_pushfstring(L, "ERR Error running script %s, ", running->name);
    size_t length;
    const char *before = lua_tolstring(L, -1, &length);
    output_add(L, output, before, length);
    output_add(L, output, text, count < 100 ? count : 100);
    return;
  }
  int table = lua_gettop(L);
  lua_pushliteral(L, "err");
  lua_rawget(L, table);
  if (lua_isstring(L, -1)) {
    size_t count;
    const char *text = lua_tolstring(L, -1, &count);
    output_add(L, output, text, count);
  } else {
    output_add(L, output, "ERR unknown error", 17);
  }
  lua_pop(L, 1);
  lua_pushliteral(L, "line");
  lua_rawget(L, table);
  int has_place = lua_isstring(L, -1);
  lua_pop(L, 1);
  if (has_place) {
    output_add(L, output, " script: ", 9);
    output_add(L, output, running->name, strlen(running->name));
    add_field(L, output, ", on ", table, "source");
    add_field(L, output, ":", table, "line");
    output_byte(L, output, '.');
  }
  lua_pushliteral(L, "ignore_error_stats_update");
  lua_rawget(L, table);
  running->result->is_counted = lua_toboolean(L, -1);
  lua_pop(L, 1);
}

static int run_protected(lua_State *L) {
  struct running *running = lua_touserdata(L, 1);
  struct martlet_lua *machine = machine_of(L);
  lua_settop(L, 0);
  lua_getfield(L, LUA_REGISTRYINDEX, "martlet.globals");
  set_words(L, "KEYS", running->keys, running->key_count);
  set_words(L, "ARGV", running->arguments, running->argument_count);
  lua_settop(L, 0);
  lua_pushcfunction(L, on_error);
  lua_rawgeti(L, LUA_REGISTRYINDEX, running->script);
  lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
  int status = lua_pcall(L, 0, 1, 1);
  lua_sethook(L, 0, 0, 0);
  struct output *output = &machine->reply;
  output_begin(output);
  if (status != 0) {
    add_failure(L, running, output);
    return 0;
  }
  if (lua_istable(L, -1)) {
    lua_pushliteral(L, "err");
    lua_rawget(L, -2);
    if (lua_type(L, -1) == LUA_TSTRING) {
      size_t count;
      const char *text = lua_tolstring(L, -1, &count);
      output_add(L, output, text, count);
      running->result->is_error = 1;
      lua_pushliteral(L, "ignore_error_stats_update");
      lua_rawget(L, -3);
      running->result->is_counted = lua_toboolean(L, -1);
      return 0;
    }
    lua_pop(L, 1);
  }
  add_value(L, output, running->resp);
  return 0;
}

static int collect_protected(lua_State *L) {
  struct martlet_lua *machine = machine_of(L);
  if (machine->used > GARBAGE_MAX) lua_gc(L, LUA_GCCOLLECT, 0);
  else lua_gc(L, LUA_GCSTEP, 10);
  return 0;
}

void martlet_lua_run(
    struct martlet_lua *machine, int script, const char *name, const struct martlet_bytes *keys, size_t key_count,
    const struct martlet_bytes *arguments, size_t argument_count, int resp, int last_return, size_t stack_bytes, struct martlet_lua_result *result) {
  lua_State *L = machine->state;
  machine->floor = (const char *)&L - stack_bytes + STACK_RESERVE;
  *result = (struct martlet_lua_result){{"", 0}, 0, 0};
  machine->resp = 2;
  machine->random = 0x330E;
  machine->last_return = last_return;
  json_reset(&machine->json);
  struct running running = {script, name, keys, arguments, key_count, argument_count, resp, result};
  if (lua_cpcall(L, run_protected, &running) == 0) {
    result->reply = bytes_of(&machine->reply);
  } else {
    lua_sethook(L, 0, 0, 0);
    // The values could not be brought over, or their memory was not there.
    result->is_error = 1;
    result->is_counted = 0;
    result->reply = take_message(machine, &machine->reply);
  }
  // A script that stops the collector stops it for itself.
  lua_gc(L, LUA_GCRESTART, 0);
  if (++machine->runs % 50 == 0 || machine->used > GARBAGE_MAX) {
    if (lua_cpcall(L, collect_protected, 0) != 0) lua_pop(L, 1);
  }
  output_shrink(&machine->scratch);
}
