"""shapes.py: the commands that commands.py makes, line by line.

A shape is a line of text: how often, then a command whose lower-case words are
kinds of argument.

    20 SET key value {EX seconds|PX millis|KEEPTTL|NX|XX|GET}*

    {a|b|c}    one of them        word+    one to four of them
    {a|b|c}?   one or none        {…}*     up to three

Left out is what two servers cannot answer alike: what picks at random, what tells the time, and what shows how a
server lays out its memory.
"""

SHAPES = """
20 SET key value
12 SET key value {EX seconds|PX millis|EXAT future|PXAT futurems|KEEPTTL|NX|XX|GET}*
12 GET key
4 GETDEL key
4 GETEX key {EX seconds|PX millis|EXAT future|PXAT futurems|PERSIST}?
3 GETSET key value
4 SETNX key value
3 SETEX key seconds value
2 PSETEX key millis value
6 APPEND key value
4 STRLEN key
6 GETRANGE key offset offset
2 SUBSTR key offset offset
6 SETRANGE key offset value
6 MSET pair+
3 MSETNX pair+
6 MGET key+
6 INCR key
5 DECR key
6 INCRBY key integer
5 DECRBY key integer
5 INCRBYFLOAT key float
3 LCS key key {LEN|IDX|MINMATCHLEN offset|WITHMATCHLEN}*
5 DEL key+
3 UNLINK key+
4 EXISTS key+
2 TOUCH key+
4 TYPE key
4 RENAME key key
3 RENAMENX key key
4 COPY key key {DB db|REPLACE}*
3 MOVE key db
3 EXPIRE key seconds {NX|XX|GT|LT}?
3 PEXPIRE key millis {NX|XX|GT|LT}?
4 EXPIREAT key future {NX|XX|GT|LT}?
4 PEXPIREAT key futurems {NX|XX|GT|LT}?
2 EXPIREAT key past {NX|XX|GT|LT}?
3 TTL key
3 PTTL key
3 EXPIRETIME key
3 PEXPIRETIME key
3 PERSIST key
2 KEYS pattern
2 SCAN 0 COUNT 1000000 {MATCH pattern|TYPE string|TYPE hash}?
2 OBJECT ENCODING key
1 OBJECT REFCOUNT key
2 SELECT db
1 SWAPDB db db
1 FLUSHDB {ASYNC|SYNC}?
2 DBSIZE
2 PING {value}?
2 ECHO value
1 CLIENT SETNAME word
1 CLIENT GETNAME
1 COMMAND GETKEYS GET key
1 COMMAND GETKEYS MSET pair+
1 nosuchcommand value
"""

# Scores are halves and tenths of powers of two: Redis 7.0 writes others with seventeen digits.
SHAPES += """
6 LPUSH list value+
8 RPUSH list value+
2 LPUSHX list value
2 RPUSHX list value
3 LPOP list {offset}?
3 RPOP list {offset}?
2 LMPOP 2 list list {LEFT|RIGHT} {COUNT offset}?
3 LMOVE list list {LEFT|RIGHT} {LEFT|RIGHT}
2 RPOPLPUSH list list
2 LLEN list
5 LRANGE list offset offset
3 LINDEX list small
3 LPOS list value {RANK small|COUNT small|MAXLEN small}*
3 LSET list small value
3 LINSERT list {BEFORE|AFTER} value value
3 LREM list small value
1 LTRIM list offset offset
12 SADD set value+
4 SREM set value+
3 SMOVE set set value
2 SISMEMBER set value
2 SMISMEMBER set value+
2 SCARD set
3 SMEMBERS set
2 SINTER set set
2 SUNION set set
2 SDIFF set set
2 SINTERCARD 2 set set {LIMIT small}?
2 SINTERSTORE set set set
2 SUNIONSTORE set set set
2 SDIFFSTORE set set set
1 SSCAN set 0 COUNT 1000000 {MATCH pattern}?
8 HSET hash value value
4 HSET hash value value value value value value
3 HSETNX hash value value
2 HMSET hash value value
4 HDEL hash value+
4 HGET hash value
3 HMGET hash value+
2 HGETALL hash
1 HKEYS hash
1 HVALS hash
2 HLEN hash
2 HSTRLEN hash value
2 HEXISTS hash value
3 HINCRBY hash value integer
3 HINCRBYFLOAT hash value float
1 HSCAN hash 0 COUNT 1000000 {MATCH pattern}?
8 ZADD sorted {NX|XX|GT|LT|CH}* score value
4 ZADD sorted score value score value score value
2 ZADD sorted INCR score value
3 ZINCRBY sorted score value
3 ZREM sorted value+
3 ZSCORE sorted value
2 ZMSCORE sorted value+
2 ZCARD sorted
2 ZRANK sorted value
2 ZREVRANK sorted value
3 ZCOUNT sorted end end
4 ZRANGE sorted offset offset {REV|WITHSCORES}*
3 ZRANGE sorted end end BYSCORE {REV|WITHSCORES|LIMIT small small}*
2 ZREVRANGE sorted offset offset {WITHSCORES}?
2 ZRANGEBYSCORE sorted end end {WITHSCORES|LIMIT small small}*
2 ZREVRANGEBYSCORE sorted end end {WITHSCORES|LIMIT small small}*
2 ZRANGESTORE sorted sorted offset offset {REV}?
1 ZREMRANGEBYRANK sorted small small
1 ZREMRANGEBYSCORE sorted end end
2 ZPOPMIN sorted {small}?
2 ZPOPMAX sorted {small}?
1 ZMPOP 2 sorted sorted {MIN|MAX} {COUNT small}?
2 ZUNION 2 sorted sorted {WITHSCORES|AGGREGATE MIN|WEIGHTS 2 3}*
2 ZINTER 2 sorted set {WITHSCORES|AGGREGATE MAX|WEIGHTS 2 3}*
2 ZDIFF 2 sorted sorted {WITHSCORES}?
2 ZINTERCARD 2 sorted sorted {LIMIT small}?
2 ZUNIONSTORE sorted 2 sorted set {AGGREGATE MIN|WEIGHTS 2 3}*
1 ZINTERSTORE sorted 2 sorted sorted
1 ZDIFFSTORE sorted 2 sorted sorted
3 SORT set ALPHA {DESC|LIMIT small small}*
2 SORT list ALPHA {STORE list}?
"""

VALKEY_SHAPES = """
3 HGETDEL hash FIELDS 2 field value
5 HSET hash field value field value field value
2 HGETALL hash
2 HDEL hash field
2 HINCRBY hash field integer
2 HINCRBYFLOAT hash field float
2 HSETNX hash field value
2 OBJECT ENCODING hash
3 HEXPIRE hash seconds {NX|XX|GT|LT}* FIELDS 1 field
3 HPEXPIRE hash millis {NX|XX|GT|LT}? FIELDS 2 field value
3 HEXPIREAT hash future {NX|XX|GT|LT}? FIELDS 1 field
4 HPEXPIREAT hash futurems {NX|XX|GT|LT}? FIELDS 2 field field
2 HEXPIREAT hash past {NX|XX|GT|LT}? FIELDS 2 field field
3 HEXPIRETIME hash FIELDS 3 field field value
4 HPEXPIRETIME hash FIELDS 3 field field field
3 HPERSIST hash FIELDS 2 field field
6 HSETEX hash {NX|XX|FNX|FXX|EX seconds|PX millis|EXAT future|PXAT futurems|KEEPTTL}* FIELDS 1 field value
4 HSETEX hash {FNX|FXX}? {EXAT future|PXAT futurems|PXAT past|KEEPTTL}? FIELDS 2 field value field value
5 HGETEX hash {EX seconds|PX millis|EXAT future|PXAT futurems|EXAT past|PERSIST}? FIELDS 2 field field
1 COPY hash hash {REPLACE}?
1 RENAME hash hash
1 SORT list BY nosort GET h*->a
8 SET key value IFEQ value {GET}?
6 DELIFEQ key value
5 MSETEX 1 pair {EX seconds|PXAT futurems|KEEPTTL|NX|XX}*
3 MSETEX 2 pair pair {NX|XX}?
"""

# Identifiers are given: what the clock makes of `*` is each server's own. BLOCK never waits here; see WAITING.
STREAM_SHAPES = """
8 XADD stream id value value
4 XADD stream later value value value value
3 XADD stream {MAXLEN small|MAXLEN = small|MINID later|NOMKSTREAM} later value value
2 XLEN stream
4 XRANGE stream {-|id|(id} {+|id|(id} {COUNT small}?
3 XREVRANGE stream {+|id|(id} {-|id|(id} {COUNT small}?
2 XDEL stream id id
1 XTRIM stream {MAXLEN small|MAXLEN = small|MINID id}
3 XREAD {COUNT small}? STREAMS stream stream id id
1 XREAD BLOCK 1 STREAMS stream 0
3 XGROUP CREATE stream group {$|0|id} {MKSTREAM}?
1 XGROUP DESTROY stream group
1 XGROUP SETID stream group {$|id}
1 XGROUP CREATECONSUMER stream group consumer
1 XGROUP DELCONSUMER stream group consumer
6 XREADGROUP GROUP group consumer {COUNT small}? {NOACK}? STREAMS stream >
2 XREADGROUP GROUP group consumer STREAMS stream id
4 XACK stream group id id
3 XPENDING stream group
1 XSETID stream later
"""

# BITFIELD gets no number near 2^63: SAT of one far below zero is the highest in the references, where a sum overflows.
BIT_SHAPES = """
6 SETBIT bits place {0|1}
3 GETBIT bits place
4 BITCOUNT bits {offset offset|offset offset BIT|offset offset BYTE}?
4 BITPOS bits {0|1} {offset|offset offset|offset offset BIT}?
4 BITOP {AND|OR|XOR} bits bits bits
2 BITOP NOT bits bits
4 BITFIELD bits {GET u8 place|SET i16 place narrow|INCRBY u4 place narrow|OVERFLOW SAT|OVERFLOW FAIL|INCRBY i5 #2 narrow}*
2 BITFIELD_RO bits GET u8 place
2 APPEND bits value
6 PFADD log value+
3 PFCOUNT log+
2 PFMERGE log log log
1 GET log
"""

# Distances have the last digit of a C library in common, and nothing is asked of places near the edge of a circle.
GEO_SHAPES = """
6 GEOADD geo {NX|XX|CH}? {13.361389 38.115556|15.087269 37.502669|-73.9 40.7|2.35 48.85|0 0|181 5|5 -86} value
2 GEODIST geo value value {m|km|ft|mi}?
2 GEOPOS geo value+
2 GEOHASH geo value+
3 GEOSEARCH geo FROMLONLAT {13 38|2 48} BYRADIUS {100|500|20000} km {ASC|DESC} {COUNT small|WITHCOORD|WITHHASH}*
2 GEOSEARCH geo FROMMEMBER value BYBOX {300|9000} {300|9000} km ASC
1 GEOSEARCHSTORE geo geo FROMLONLAT 13 38 BYRADIUS 500 km ASC {COUNT small}?
1 GEORADIUS geo 15 37 200 km ASC {WITHDIST}?
"""

MORE_SHAPES = """
2 DUMP key
2 RESTORE key {0|100000000} payload {REPLACE}?
2 OBJECT ENCODING {list|set|hash|sorted|stream}
2 SORT {list|set} {LIMIT small small|DESC|ALPHA}*
2 SORT list BY k* GET # GET k*
1 SORT ranked BY nosort {DESC}? LIMIT 0 small
2 SORT_RO list ALPHA
3 ZADD lexed 0 value 0 value
3 ZRANGE lexed lex lex BYLEX {REV|LIMIT small small}*
1 ZRANGEBYLEX lexed lex lex {LIMIT small small}?
1 ZREVRANGEBYLEX lexed lex lex {LIMIT small small}?
2 ZLEXCOUNT lexed lex lex
1 ZREMRANGEBYLEX lexed lex lex
1 ZRANGESTORE sorted sorted end end BYSCORE {LIMIT count small}?
1 ZSCAN sorted 0 COUNT 1000000
1 LMPOP 1 key LEFT
1 COPY {list list|set set|hash hash|sorted sorted|stream stream} {REPLACE}?
1 RENAME {list list|set set|hash hash|sorted sorted|stream stream}
1 TYPE {list|set|hash|sorted|stream}
1 DEL list set hash sorted stream
1 BLPOP list list 0.001
1 BZPOPMIN sorted sorted 0.001
"""

# Redis 7.0 makes a consumer when it gets something, the others when it asks; and it lets XSETID go back.
VALKEY_SHAPES += """
2 XCLAIM stream group consumer 0 id id JUSTID
1 XCLAIM stream group consumer 0 id FORCE JUSTID
2 XAUTOCLAIM stream group consumer 0 id JUSTID
1 XSETID stream id
2 XINFO GROUPS stream
"""

# What clients wait with in differential.py: mostly for keys that have nothing.
WAITING = """
6 BLPOP list+ 0
6 BRPOP list+ 0
4 BLMOVE list list {LEFT|RIGHT} {LEFT|RIGHT} 0
2 BRPOPLPUSH list list 0
3 BLMPOP 0 2 list list {LEFT|RIGHT} {COUNT small}?
5 BZPOPMIN sorted+ 0
3 BZPOPMAX sorted+ 0
3 BZMPOP 0 2 sorted sorted {MIN|MAX} {COUNT small}?
4 XREAD BLOCK 0 STREAMS stream $
3 XREADGROUP GROUP group consumer BLOCK 0 STREAMS stream >
"""

# Valkey looks at all the keys again and minds one that has become of another type; Redis and we serve the one that is ready.
WAITING_FOR_ONE = """
6 BLPOP list 0
6 BRPOP list 0
4 BLMOVE list list {LEFT|RIGHT} {LEFT|RIGHT} 0
3 BLMPOP 0 1 list {LEFT|RIGHT} {COUNT count}?
5 BZPOPMIN sorted 0
3 BZPOPMAX sorted 0
3 BZMPOP 0 1 sorted {MIN|MAX} {COUNT count}?
4 XREAD BLOCK 0 STREAMS stream $
3 XREADGROUP GROUP group consumer BLOCK 0 STREAMS stream >
"""

# What wakes them, more often than the others would.
WAKING = """
6 RPUSH list value+
2 LPUSH list value
4 ZADD sorted score value
4 XADD stream later value value
1 RENAME list list
1 LMOVE list list LEFT RIGHT
1 ZUNIONSTORE sorted 2 sorted sorted
1 SORT list ALPHA STORE list
1 DEL list sorted
"""
