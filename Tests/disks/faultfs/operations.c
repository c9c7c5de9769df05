/* operations.c: what the kernel asks, passed through to the directory behind.
 *
 * Files are opened for direct I/O: each write and read of a program reaches us as it was made, and
 * no page cache answers in between. Whoever syncs through us gets an fsync that costs nothing but
 * the rules' delay: how durable the directory behind is does not matter to what is tested here.
 */
#include "faultfs.h"

#include <dirent.h>
#include <sys/statvfs.h>

static int errno_or_0(int result) { return result < 0 ? -errno : 0; }

static int fs_getattr(const char *path, struct stat *about, struct fuse_file_info *info) {
  if (info) return errno_or_0(fstat((int)info->fh, about));
  return errno_or_0(fstatat(root, relative(path), about, AT_SYMLINK_NOFOLLOW));
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
                      enum fuse_readdir_flags flags) {
  (void)offset, (void)info, (void)flags;
  int fd = openat(root, relative(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (!directory) return -errno;
  for (struct dirent *entry; (entry = readdir(directory));) {
    struct stat about = { .st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12 };
    if (fill(buffer, entry->d_name, &about, 0, 0)) break;
  }
  closedir(directory);
  return 0;
}

static int fs_mkdir(const char *path, mode_t mode) { return errno_or_0(mkdirat(root, relative(path), mode)); }
static int fs_rmdir(const char *path) { return errno_or_0(unlinkat(root, relative(path), AT_REMOVEDIR)); }

static int fs_unlink(const char *path) {
  struct verdict verdict = rules_judge(OP_UNLINK, path, 0);
  int result = -verdict.error;
  if (!result) {
    pthread_mutex_lock(&lock);
    result = forgetful ? forgetting_unlink(relative(path)) : errno_or_0(unlinkat(root, relative(path), 0));
    pthread_mutex_unlock(&lock);
  }
  log_operation(OP_UNLINK, path, 0, 0, result);
  return result;
}

static int fs_rename(const char *from, const char *to, unsigned flags) {
  struct verdict verdict = rules_judge(OP_RENAME, to, 0);
  int result = -verdict.error;
  if (!result) {
    pthread_mutex_lock(&lock);
    if (forgetful) forgetting_rename(relative(from), relative(to));
    result = errno_or_0(renameat2(root, relative(from), root, relative(to), flags));
    pthread_mutex_unlock(&lock);
  }
  log_operation(OP_RENAME, to, 0, 0, result);
  return result;
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *info) {
  (void)info;
  return errno_or_0(fchmodat(root, relative(path), mode, 0));
}

static int fs_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info) {
  (void)info;
  return errno_or_0(fchownat(root, relative(path), user, group, AT_SYMLINK_NOFOLLOW));
}

static int fs_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info) {
  (void)info;
  return errno_or_0(utimensat(root, relative(path), times, AT_SYMLINK_NOFOLLOW));
}

static int fs_open(const char *path, struct fuse_file_info *info) {
  /* Appending and syncing are done by us: the kernel gives explicit offsets, fs_write sees O_DSYNC. */
  int flags = info->flags & ~(O_APPEND | O_SYNC | O_DSYNC | O_DIRECT | O_TRUNC);
  if ((flags & O_ACCMODE) == O_WRONLY) flags = (flags & ~O_ACCMODE) | O_RDWR;
  int fd = openat(root, relative(path), flags | O_CLOEXEC);
  if (fd < 0) return -errno;
  info->fh = (uint64_t)fd;
  info->direct_io = 1;
  return 0;
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *info) {
  struct verdict verdict = rules_judge(OP_CREATE, path, 0);
  int result = -verdict.error;
  if (!result) {
    pthread_mutex_lock(&lock);
    struct stat about;
    bool fresh = fstatat(root, relative(path), &about, 0) != 0;
    int fd = openat(root, relative(path), O_RDWR | O_CREAT | (info->flags & O_EXCL) | O_CLOEXEC, mode);
    result = fd < 0 ? -errno : 0;
    if (!result && fresh && forgetful) forgetting_create(relative(path));
    pthread_mutex_unlock(&lock);
    info->fh = (uint64_t)fd;
    info->direct_io = 1;
  }
  log_operation(OP_CREATE, path, 0, 0, result);
  return result;
}

static int fs_release(const char *path, struct fuse_file_info *info) {
  (void)path;
  close((int)info->fh);
  return 0;
}

static int fs_read(const char *path, char *buffer, size_t bytes, off_t offset, struct fuse_file_info *info) {
  struct verdict verdict = rules_judge(OP_READ, path, bytes);
  if (verdict.error) return -verdict.error;
  ssize_t got = pread((int)info->fh, buffer, bytes, offset);
  return got < 0 ? -errno : (int)got;
}

static int sync_file(const char *path, int fd) {
  off_t size;
  pthread_mutex_lock(&lock);
  uint64_t moment = forgetful ? forgetting_moment(fd, &size) : 0;
  pthread_mutex_unlock(&lock);
  struct verdict verdict = rules_judge(OP_FSYNC, path, 0);
  pthread_mutex_lock(&lock);
  if (rules_dead()) verdict.error = EIO;
  if (forgetful) forgetting_synced(fd, moment, size, verdict.error != 0);
  pthread_mutex_unlock(&lock);
  log_operation(OP_FSYNC, path, 0, 0, -verdict.error);
  return -verdict.error;
}

static int fs_fsync(const char *path, int data_only, struct fuse_file_info *info) {
  (void)data_only;
  return sync_file(path, (int)info->fh);
}

/* How many of the bytes lie beyond the file and what was preallocated behind it: only those need space. */
static size_t growth(int fd, off_t offset, size_t bytes) {
  struct stat about;
  if (fstat(fd, &about) != 0) return 0;
  off_t allocated = about.st_blocks * 512, rounding = 65536; /* the directory behind rounds up what it allocates */
  off_t occupied = allocated > about.st_size + rounding ? allocated : about.st_size;
  off_t end = offset + (off_t)bytes;
  if (end <= occupied) return 0;
  return (size_t)(end - (offset > occupied ? offset : occupied));
}

static int fs_write(const char *path, const char *buffer, size_t bytes, off_t offset, struct fuse_file_info *info) {
  int fd = (int)info->fh;
  struct verdict verdict = rules_judge(OP_WRITE, path, bytes);
  long result = -verdict.error;
  if (!result) {
    pthread_mutex_lock(&lock);
    size_t allowed = verdict.bytes_max, needed = growth(fd, offset, allowed), given = rules_take_space(needed);
    allowed -= needed - given;
    if (rules_dead()) result = -EIO;
    else if (allowed == 0 && bytes > 0) result = -ENOSPC;
    else {
      if (forgetful) forgetting_write(fd, offset, allowed);
      ssize_t written = pwrite(fd, buffer, allowed, offset);
      result = written < 0 ? -errno : written;
    }
    pthread_mutex_unlock(&lock);
  }
  log_operation(OP_WRITE, path, offset, bytes, result);
  if (result > 0 && info->flags & O_DSYNC) {
    int synced = sync_file(path, fd);
    if (synced < 0) return synced;
  }
  return (int)result;
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *info) {
  struct verdict verdict = rules_judge(OP_TRUNCATE, path, 0);
  int result = -verdict.error;
  if (!result) {
    int fd = info ? (int)info->fh : openat(root, relative(path), O_RDWR | O_CLOEXEC);
    if (fd < 0) return -errno;
    pthread_mutex_lock(&lock);
    if (forgetful) forgetting_truncate(fd, size);
    result = errno_or_0(ftruncate(fd, size));
    pthread_mutex_unlock(&lock);
    if (!info) close(fd);
  }
  log_operation(OP_TRUNCATE, path, size, 0, result);
  return result;
}

static int fs_fallocate(const char *path, int mode, off_t offset, off_t bytes, struct fuse_file_info *info) {
  int fd = (int)info->fh;
  struct verdict verdict = rules_judge(OP_FALLOCATE, path, (size_t)bytes);
  int result = -verdict.error;
  if (!result) {
    pthread_mutex_lock(&lock);
    size_t needed = growth(fd, offset, (size_t)bytes);
    if (!rules_has_space(needed)) {
      result = -ENOSPC;
    } else {
      rules_take_space(needed);
      if (forgetful) forgetting_write(fd, offset, 0);
      result = errno_or_0(fallocate(fd, mode, offset, bytes));
    }
    pthread_mutex_unlock(&lock);
  }
  log_operation(OP_FALLOCATE, path, offset, (size_t)bytes, result);
  return result;
}

static int fs_fsyncdir(const char *path, int data_only, struct fuse_file_info *info) {
  (void)data_only, (void)info;
  struct verdict verdict = rules_judge(OP_FSYNCDIR, path, 0);
  pthread_mutex_lock(&lock);
  if (rules_dead()) verdict.error = EIO;
  if (forgetful && !verdict.error) forgetting_directory_synced(relative(path));
  pthread_mutex_unlock(&lock);
  log_operation(OP_FSYNCDIR, path, 0, 0, -verdict.error);
  return -verdict.error;
}

static int fs_statfs(const char *path, struct statvfs *about) {
  (void)path;
  int result = errno_or_0(fstatvfs(root, about));
  int64_t space = rules_space();
  if (!result && space >= 0 && about->f_frsize) about->f_bavail = about->f_bfree = (fsblkcnt_t)space / about->f_frsize;
  return result;
}

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  connection->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC; /* truncation arrives as an operation of its own */
  connection->want &= ~(unsigned)FUSE_CAP_ASYNC_DIO;       /* with it the kernel turns a short write into EIO */
  config->hard_remove = 1;                                /* no .fuse_hidden files: we keep what is open by ourselves */
  config->use_ino = 1;
  config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
  return NULL;
}

const struct fuse_operations operations = {
  .init = fs_init, .getattr = fs_getattr, .readdir = fs_readdir, .mkdir = fs_mkdir, .rmdir = fs_rmdir,
  .unlink = fs_unlink, .rename = fs_rename, .chmod = fs_chmod, .chown = fs_chown, .utimens = fs_utimens,
  .open = fs_open, .create = fs_create, .release = fs_release, .read = fs_read, .write = fs_write,
  .truncate = fs_truncate, .fallocate = fs_fallocate, .fsync = fs_fsync, .fsyncdir = fs_fsyncdir, .statfs = fs_statfs,
};
