/*
 * Test only; never installed. Preloaded, it lets an unmodified libserialport 0.1.1 open a
 * pseudo-terminal, so that the library's own code runs in tests where there is no serial hardware:
 *
 *     LD_PRELOAD=/path/to/libtenon_pty_shim.so ./test_serialport_line
 *
 * libserialport turns a pseudo-terminal away twice. It wants an entry /sys/class/tty/pts/N (lstat,
 * then readlink), which the kernel keeps for no pty, and it wants to read and set the modem lines,
 * which a pty lacks. This file answers exactly those questions, and only for names below
 * /sys/class/tty/pts/ and for descriptors of pty slaves; everything else goes to the C library
 * untouched. Bytes, baud, hang-up and locks are the kernel's own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Majors of Unix98 pty slaves, fixed by the kernel's devices.txt. */
#define PTS_MAJOR_FIRST 136U
#define PTS_MAJOR_LAST  143U

static const char pts_entry[] = "/sys/class/tty/pts/";
static const char pts_target[] = "../../devices/virtual/tty/pty_shim";

int ioctl(int fd, unsigned long request, ...);
int __lxstat(int version, const char *path, struct stat *out_stat);

static bool is_pts_entry(const char *path)
{
    return strncmp(path, pts_entry, sizeof pts_entry - 1) == 0;
}

static bool is_pts(int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0 || !S_ISCHR(stat.st_mode)) {
        return false;
    }
    return major(stat.st_rdev) >= PTS_MAJOR_FIRST && major(stat.st_rdev) <= PTS_MAJOR_LAST;
}

static int stat_entry(struct stat *out_stat)
{
    memset(out_stat, 0, sizeof *out_stat);
    out_stat->st_mode = S_IFLNK | 0777;
    return 0;
}

/* What glibc before 2.33 called lstat; the Debian 12 build of libserialport still does. */
int __lxstat(int version, const char *path, struct stat *out_stat)
{
    (void)version;
    return is_pts_entry(path) ? stat_entry(out_stat)
                              : fstatat(AT_FDCWD, path, out_stat, AT_SYMLINK_NOFOLLOW);
}

int lstat(const char *path, struct stat *out_stat)
{
    return is_pts_entry(path) ? stat_entry(out_stat)
                              : fstatat(AT_FDCWD, path, out_stat, AT_SYMLINK_NOFOLLOW);
}

ssize_t readlink(const char *path, char *out_target, size_t size)
{
    if (!is_pts_entry(path)) {
        return readlinkat(AT_FDCWD, path, out_target, size);
    }
    const size_t length = size < sizeof pts_target - 1 ? size : sizeof pts_target - 1;
    memcpy(out_target, pts_target, length);
    return (ssize_t)length;
}

/* One set of modem lines for all: no test looks at them, the library only wants to put back what it
 * read. */
static int answer_modem_lines(unsigned long request, int *bits)
{
    static int lines = TIOCM_DTR | TIOCM_RTS;
    switch (request) {
    case TIOCMGET:
        *bits = lines;
        break;
    case TIOCMSET:
        lines = *bits;
        break;
    case TIOCMBIS:
        lines |= *bits;
        break;
    default:
        lines &= ~*bits;
        break;
    }
    return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    const bool is_modem =
        request == TIOCMGET || request == TIOCMSET || request == TIOCMBIS || request == TIOCMBIC;
    if (is_modem && is_pts(fd)) {
        return answer_modem_lines(request, argument);
    }
    static int (*next)(int, unsigned long, ...);
    if (next == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "ioctl");
        if (symbol == NULL) {
            errno = ENOSYS;
            return -1;
        }
        memcpy(&next, &symbol, sizeof next); /* ISO C has no cast from object to function pointer */
    }
    return next(fd, request, argument);
}
