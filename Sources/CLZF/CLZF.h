// CLZF.h: liblzf, the compression of strings in snapshots.
#include <liblzf/lzf.h>
