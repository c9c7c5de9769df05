// CLua.h — a Lua machine as a script sees it: run by Swift, raising errors in C only.
//
//   Swift ─▶ martlet_lua_run ─▶ Lua ─▶ redis.call (C) ─▶ callback (Swift): fills in a reply, returns
//                                        ◀─ the reply becomes Lua values, or an error is raised
//
// Lua leaves functions by jumping. No jump ever passes a Swift frame: callbacks return status codes, and what they mean
// is raised here after they have returned. Everything that may raise runs inside a protected call.
#ifndef MARTLET_CLUA_H
#define MARTLET_CLUA_H
#include <stddef.h>
#include <stdint.h>

struct martlet_lua;

/// Bytes that somebody else owns, laid out like ByteView.
struct martlet_bytes {
  const void *start;
  size_t count;
};

struct martlet_lua_callbacks {
  void *context;
  /// Runs a command. `reply`: its answer in RESP, good until the next call. 1 if an error in it was counted already.
  int (*command)(void *context, const struct martlet_bytes *words, size_t count, int resp, struct martlet_bytes *reply);
  /// Asked every few thousand instructions. Not 0: the script must end.
  int (*may_go_on)(void *context);
  /// `redis.log`, levels 0 to 3.
  void (*log)(void *context, int level, const void *text, size_t count);
  /// `redis.set_repl`: bit 0 the log, bit 1 replicas.
  void (*set_replication)(void *context, int flags);
  /// Whether there is such a command.
  int (*knows)(void *context, const struct martlet_bytes *words, size_t count);
};

/// What scripts see of the server.
struct martlet_lua_identity {
  const char *redis_version;
  int redis_version_number;
  const char *server_name, *server_version;
  int server_version_number;
};

/// What `may_go_on` answers.
enum { MARTLET_LUA_GO_ON = 0, MARTLET_LUA_KILLED = 1, MARTLET_LUA_FUNCTION_KILLED = 2 };

/// How a script has ended.
struct martlet_lua_result {
  /// RESP, in the version that was asked for; an error without its sign and line end if `is_error`. Good until the next run.
  struct martlet_bytes reply;
  int is_error;
  /// The error comes from a command that has counted it.
  int is_counted;
};

/// Null if there is no memory. `memory_max`: bytes that scripts may take altogether.
struct martlet_lua *martlet_lua_open(
    const struct martlet_lua_callbacks *callbacks, const struct martlet_lua_identity *identity, size_t memory_max);
void martlet_lua_close(struct martlet_lua *machine);

/// Compiles a script; its number, or -1 and the reason in `error`, good until the next call.
int martlet_lua_compile(struct martlet_lua *machine, struct martlet_bytes text, struct martlet_bytes *error);
/// Forgets a compiled script.
void martlet_lua_forget(struct martlet_lua *machine, int script);
/// Runs a compiled script. `name` stands in errors, as does the line `last_return` where no better place is known; `resp`
/// is the client's protocol version; `stack_bytes` are left on the stack that it is called on, sixteen million at least.
void martlet_lua_run(
    struct martlet_lua *machine, int script, const char *name, const struct martlet_bytes *keys, size_t key_count,
    const struct martlet_bytes *arguments, size_t argument_count, int resp, int last_return,
    size_t stack_bytes, struct martlet_lua_result *result);
/// Bytes that the machine has.
size_t martlet_lua_memory(const struct martlet_lua *machine);

/// The 40 hexadecimal digits of the SHA-1 of `data`; no zero byte behind them.
void martlet_sha1_hex(const void *data, size_t count, char digits[40]);
#endif
