// api.c — the table `redis`: what a script can ask of the server.
//
// Each function looks at its arguments, asks Swift by a callback, and turns what came back into values, or raises it.
#include "internal.h"
#include <stdio.h>

/// Words of a call that need no memory of their own.
#define WORDS_MAX 32

static int raise_text(lua_State *L, const char *text) {
  push_error(L, text, strlen(text));
  return lua_error(L);
}

/// Numbers become texts on the stack, so that all words are strings there.
static void texts_of_numbers(lua_State *L, int count) {
  for (int i = 1; i <= count; i++) {
    if (lua_type(L, i) != LUA_TNUMBER) continue;
    char text[64];
    int length = snprintf(text, sizeof text, "%.17g", (double)lua_tonumber(L, i));
    lua_pushlstring(L, text, (size_t)length);
    lua_replace(L, i);
  }
}

/// The words of a call; raises if there are none, or some that cannot be sent.
static const struct martlet_bytes *words_of(lua_State *L, struct martlet_bytes *few, int count) {
  for (int i = 1; i <= count; i++)
    if (lua_type(L, i) != LUA_TSTRING && lua_type(L, i) != LUA_TNUMBER)
      raise_text(L, "Lua redis lib command arguments must be strings or integers");
  texts_of_numbers(L, count);
  struct martlet_bytes *words = few;
  if (count > WORDS_MAX) words = lua_newuserdata(L, sizeof *words * (size_t)count);
  for (int i = 1; i <= count; i++) words[i - 1].start = lua_tolstring(L, i, &words[i - 1].count);
  return words;
}

/// Runs a command and pushes its answer; whether that is an error.
static int run_command(lua_State *L) {
  struct martlet_lua *machine = machine_of(L);
  struct martlet_bytes few[WORDS_MAX];
  int count = lua_gettop(L);
  if (count == 0) raise_text(L, "Please specify at least one argument for this redis.call() call");
  const struct martlet_bytes *words = words_of(L, few, count);
  struct martlet_bytes reply = {"", 0};
  int is_counted = machine->callbacks.command(machine->callbacks.context, words, (size_t)count, machine->resp, &reply);
  const char *bytes = reply.start;
  push_reply(L, bytes, bytes + reply.count);
  int is_error = reply.count > 0 && bytes[0] == '-';
  if (is_error && !is_counted) {
    lua_pushnil(L);
    lua_setfield(L, -2, "ignore_error_stats_update");
  }
  return is_error;
}

static int redis_call(lua_State *L) { return run_command(L) ? lua_error(L) : 1; }

static int protected_call(lua_State *L) {
  run_command(L);
  return 1;
}

/// As redis.call, but whatever goes wrong is the answer.
static int redis_pcall(lua_State *L) {
  lua_pushcfunction(L, protected_call);
  lua_insert(L, 1);
  int status = lua_pcall(L, lua_gettop(L) - 1, 1, 0);
  if (status != 0 && !lua_istable(L, -1)) return lua_error(L);
  return 1;
}

static int redis_log(lua_State *L) {
  int count = lua_gettop(L);
  if (count < 2) return raise_text(L, "redis.log() requires two arguments or more.");
  if (!lua_isnumber(L, 1)) return raise_text(L, "First argument must be a number (log level).");
  lua_Number level = lua_tonumber(L, 1);
  if (!(level >= 0 && level <= 3)) return raise_text(L, "Invalid log level.");
  struct martlet_lua *machine = machine_of(L);
  output_begin(&machine->scratch);
  for (int i = 2; i <= count; i++) {
    size_t length;
    const char *text = lua_tolstring(L, i, &length);
    if (!text) continue;
    if (i > 2) output_byte(L, &machine->scratch, ' ');
    output_add(L, &machine->scratch, text, length);
  }
  machine->callbacks.log(machine->callbacks.context, (int)level, machine->scratch.bytes, machine->scratch.count);
  return 0;
}

static int redis_sha1hex(lua_State *L) {
  if (lua_gettop(L) != 1) return raise_text(L, "wrong number of arguments");
  size_t count = 0;
  const char *text = lua_tolstring(L, 1, &count);
  char digits[40];
  martlet_sha1_hex(text ? text : "", count, digits);
  lua_pushlstring(L, digits, sizeof digits);
  return 1;
}

static int wrong_arguments(lua_State *L) {
  static const char text[] = "wrong number or type of arguments";
  push_error(L, text, sizeof text - 1);
  return 1;
}

static int redis_error_reply(lua_State *L) {
  if (lua_gettop(L) != 1 || lua_type(L, 1) != LUA_TSTRING) return wrong_arguments(L);
  size_t count;
  const char *text = lua_tolstring(L, 1, &count);
  if (count == 0 || text[0] != '-') {
    lua_pushliteral(L, "-");
    lua_insert(L, 1);
    lua_concat(L, 2);
    text = lua_tolstring(L, 1, &count);
  }
  push_error(L, text, count);
  return 1;
}

static int redis_status_reply(lua_State *L) {
  if (lua_gettop(L) != 1 || lua_type(L, 1) != LUA_TSTRING) return wrong_arguments(L);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "ok");
  return 1;
}

static int redis_setresp(lua_State *L) {
  if (lua_gettop(L) != 1) return raise_text(L, "redis.setresp() requires one argument.");
  lua_Number resp = lua_tonumber(L, 1);
  if (resp != 2 && resp != 3) return raise_text(L, "RESP version must be 2 or 3.");
  machine_of(L)->resp = (int)resp;
  return 0;
}

static int redis_set_repl(lua_State *L) {
  if (lua_gettop(L) != 1) return raise_text(L, "redis.set_repl() requires one argument.");
  lua_Number flags = lua_tonumber(L, 1);
  if (!(flags >= 0 && flags <= 3)) {
    return raise_text(L, "Invalid replication flags. Please use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  struct martlet_lua *machine = machine_of(L);
  machine->callbacks.set_replication(machine->callbacks.context, (int)flags);
  return 0;
}

/// Effects are what is recorded, always.
static int redis_replicate_commands(lua_State *L) {
  lua_pushboolean(L, 1);
  return 1;
}

/// There is no debugger that could stop here.
static int redis_breakpoint(lua_State *L) {
  lua_pushboolean(L, 0);
  return 1;
}

static int redis_debug(lua_State *L) {
  (void)L;
  return 0;
}

static int redis_acl_check_cmd(lua_State *L) {
  struct martlet_lua *machine = machine_of(L);
  struct martlet_bytes few[WORDS_MAX];
  int count = lua_gettop(L);
  if (count == 0) return raise_text(L, "Please specify at least one argument for this redis.acl_check_cmd() call");
  const struct martlet_bytes *words = words_of(L, few, count);
  if (!machine->callbacks.knows(machine->callbacks.context, words, (size_t)count))
    return raise_text(L, "Invalid command passed to redis.acl_check_cmd()");
  lua_pushboolean(L, 1);
  return 1;
}

static const luaL_Reg functions[] = {
    {"call", redis_call},
    {"pcall", redis_pcall},
    {"log", redis_log},
    {"sha1hex", redis_sha1hex},
    {"error_reply", redis_error_reply},
    {"status_reply", redis_status_reply},
    {"setresp", redis_setresp},
    {"set_repl", redis_set_repl},
    {"replicate_commands", redis_replicate_commands},
    {"breakpoint", redis_breakpoint},
    {"debug", redis_debug},
    {"acl_check_cmd", redis_acl_check_cmd},
    {0, 0}};

static const struct {
  const char *name;
  int value;
} constants[] = {{"LOG_DEBUG", 0}, {"LOG_VERBOSE", 1}, {"LOG_NOTICE", 2}, {"LOG_WARNING", 3}, {"REPL_NONE", 0},
                 {"REPL_AOF", 1},  {"REPL_SLAVE", 2},  {"REPL_REPLICA", 2}, {"REPL_ALL", 3}};

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

void open_api(lua_State *L, const struct martlet_lua_identity *identity) {
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name; function++) {
    lua_pushcfunction(L, function->func);
    lua_setfield(L, -2, function->name);
  }
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
    lua_pushinteger(L, constants[i].value);
    lua_setfield(L, -2, constants[i].name);
  }
  set_text(L, "REDIS_VERSION", identity->redis_version);
  lua_pushinteger(L, identity->redis_version_number);
  lua_setfield(L, -2, "REDIS_VERSION_NUM");
  set_text(L, "SERVER_NAME", identity->server_name);
  set_text(L, "SERVER_VERSION", identity->server_version);
  lua_pushinteger(L, identity->server_version_number);
  lua_setfield(L, -2, "SERVER_VERSION_NUM");
}
