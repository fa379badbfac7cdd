/* Put before libc (LD_PRELOAD): writes down what a process does to files below COTRACE_SHIM_ROOT, in order, to
 * COTRACE_SHIM_LOG; and lets the n-th of these operations fail (COTRACE_SHIM_FAIL, with COTRACE_SHIM_ERRNO).
 *
 * A record: one letter, then for each part its length (8 bytes, little-endian) and its bytes.
 *   C path        a file was made            T path size     it was cut to a size
 *   W path at data  bytes were written       S path          a file or folder was fsynced
 *   R from to     renamed                    U path          removed
 *   D path        a folder was made          M text          the program says where it is
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *logname;
static int logfd = -1;
static long failing, failure, done;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begun(void) {
    root = getenv("COTRACE_SHIM_ROOT");
    logname = getenv("COTRACE_SHIM_LOG");
    failing = getenv("COTRACE_SHIM_FAIL") ? atol(getenv("COTRACE_SHIM_FAIL")) : 0;
    failure = getenv("COTRACE_SHIM_ERRNO") ? atol(getenv("COTRACE_SHIM_ERRNO")) : ENOSPC;
    if (logname) logfd = syscall(SYS_openat, AT_FDCWD, logname, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int within(const char *path) {
    size_t n = root ? strlen(root) : 0;
    return n && !strncmp(path, root, n) && (path[n] == 0 || path[n] == '/');
}

/* the path of an open file, without what the kernel says of removed ones */
static int path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    if (n < 0) return 0;
    out[n] = 0;
    return within(out);
}

static int path_at(int dir, const char *name, char *out) {
    if (name[0] == '/') snprintf(out, PATH_MAX, "%s", name);
    else if (dir == AT_FDCWD) {
        if (!getcwd(out, PATH_MAX)) return 0;
        snprintf(out + strlen(out), PATH_MAX - strlen(out), "/%s", name);
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t n = readlink(link, out, PATH_MAX - 1);
        if (n < 0) return 0;
        snprintf(out + n, PATH_MAX - n, "/%s", name);
    }
    return within(out);
}

static void put(const void *data, size_t size) {
    const char *at = data;
    while (size) {
        ssize_t n = syscall(SYS_write, logfd, at, size);
        if (n <= 0) abort();
        at += n, size -= n;
    }
}

static void part(const void *data, size_t size) {
    uint64_t n = size;
    put(&n, 8);
    put(data, size);
}

static void said(char letter, const char *path, const void *more, size_t size, const void *last, size_t lastsize) {
    int before = errno;
    if (logfd >= 0) {
        pthread_mutex_lock(&lock);
        put(&letter, 1);
        part(path, strlen(path));
        part(more, size);
        part(last, lastsize);
        pthread_mutex_unlock(&lock);
    }
    errno = before;
}

/* whether this operation, being the n-th, has to fail; from then on all of them do, as on a disk that is full */
static int fails(void) {
    if (__sync_add_and_fetch(&done, 1) < failing || !failing) return 0;
    errno = failure;
    return 1;
}

/* from now on: which operation fails first (0: none), and with what */
void shim_fail(long number, long error) { done = 0, failing = number, failure = error; }
long shim_done(void) { return done; }
void shim_mark(const char *text) { said('M', text, "", 0, "", 0); }

static int opened(int dir, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int ours = path_at(dir, name, path), fresh = 0;
    if (ours && (flags & O_CREAT)) {
        struct stat st;
        fresh = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0;
        if (fresh && fails()) return -1;
    }
    int fd = syscall(SYS_openat, dir, name, flags, mode);
    if (fd >= 0 && ours && fresh) said('C', path, "", 0, "", 0);
    if (fd >= 0 && ours && !fresh && (flags & O_TRUNC)) said('T', path, &(uint64_t){0}, 8, "", 0);
    return fd;
}

#define MODE va_list args; va_start(args, flags); mode_t mode = va_arg(args, mode_t); va_end(args)
int open(const char *name, int flags, ...) { MODE; return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE; return opened(AT_FDCWD, name, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *name, int flags, ...) { MODE; return opened(dir, name, flags, mode); }
int openat64(int dir, const char *name, int flags, ...) { MODE; return opened(dir, name, flags | O_LARGEFILE, mode); }

static ssize_t written(int fd, const void *data, size_t size, off_t at, int placed) {
    char path[PATH_MAX];
    int ours = path_of(fd, path);
    if (ours && fails()) return -1;
    if (ours && !placed) at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = placed ? syscall(SYS_pwrite64, fd, data, size, at) : syscall(SYS_write, fd, data, size);
    if (n > 0 && ours) said('W', path, &(uint64_t){at}, 8, data, n);
    return n;
}

ssize_t write(int fd, const void *data, size_t size) { return written(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return written(fd, data, size, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return written(fd, data, size, at, 1); }

static int cut(int fd, off_t size) {
    char path[PATH_MAX];
    int ours = path_of(fd, path), r = syscall(SYS_ftruncate, fd, size);
    if (!r && ours) said('T', path, &(uint64_t){size}, 8, "", 0);
    return r;
}
int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off_t size) { return cut(fd, size); }

static int synced(int fd, long call) {
    char path[PATH_MAX];
    int ours = path_of(fd, path);
    if (ours && fails()) return -1;
    int r = syscall(call, fd);
    if (!r && ours) said('S', path, "", 0, "", 0);
    return r;
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int renamed(int a, const char *from, int b, const char *to) {
    char x[PATH_MAX], y[PATH_MAX];
    int ours = path_at(a, from, x) | path_at(b, to, y);
    if (ours && fails()) return -1;
    int r = syscall(SYS_renameat2, a, from, b, to, 0);
    if (!r && ours) said('R', x, y, strlen(y), "", 0);
    return r;
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int a, const char *from, int b, const char *to) { return renamed(a, from, b, to); }

static int removed(int dir, const char *name, int flags) {
    char path[PATH_MAX];
    int ours = path_at(dir, name, path), r = syscall(SYS_unlinkat, dir, name, flags);
    if (!r && ours) said('U', path, "", 0, "", 0);
    return r;
}
int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int unlinkat(int dir, const char *name, int flags) { return removed(dir, name, flags); }

static int made(int dir, const char *name, mode_t mode) {
    char path[PATH_MAX];
    int ours = path_at(dir, name, path);
    if (ours && fails()) return -1;
    int r = syscall(SYS_mkdirat, dir, name, mode);
    if (!r && ours) said('D', path, "", 0, "", 0);
    return r;
}
int mkdir(const char *name, mode_t mode) { return made(AT_FDCWD, name, mode); }
int mkdirat(int dir, const char *name, mode_t mode) { return made(dir, name, mode); }
