/* Runs one fuzz target over every file of a directory, so that what fuzzing once found stays found.
 */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64 /* or a 32-bit readdir refuses large inode numbers */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#define INPUT_MAX (1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t input[INPUT_MAX];

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    const size_t size = fread(input, 1, sizeof input, file);
    const int failed = ferror(file);
    fclose(file);
    return failed != 0 ? -1 : LLVMFuzzerTestOneInput(input, size);
}

static int replay_directory(const char *directory)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        perror(directory);
        return -1;
    }
    int count = 0;
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (replay_file(path) != 0) {
            fprintf(stderr, "%s: refused\n", path);
            count = -1;
            break;
        }
        count++;
    }
    closedir(entries);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return 2;
    }
    const int count = replay_directory(argv[1]);
    printf("%d inputs replayed from %s\n", count, argv[1]);
    return count > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
