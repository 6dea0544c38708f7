/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays a corpus without a fuzzer: every file of every folder (or every file)
 * given as argument goes once through LLVMFuzzerTestOneInput. The input is
 * copied into memory of exactly its size, so that AddressSanitizer sees a read
 * past the end. Files named NOTICE* or LICENSE* are not inputs. Exit 1 when an
 * argument cannot be read or nothing was replayed.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_path(const char *path, unsigned *replayed);
static int replay_folder(const char *path, unsigned *replayed);
static int replay_file(const char *path, size_t size);

int main(int argc, char **argv)
{
    unsigned replayed = 0;
    for (int i = 1; i < argc; i++) {
        if (replay_path(argv[i], &replayed) != 0) {
            return 1;
        }
    }
    printf("%u inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}

static int replay_path(const char *path, unsigned *replayed)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    if (S_ISDIR(st.st_mode)) {
        return replay_folder(path, replayed);
    }
    (*replayed)++;
    return replay_file(path, (size_t)st.st_size);
}

static int replay_folder(const char *path, unsigned *replayed)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        return 1;
    }
    int failed = 0;
    struct dirent *entry;
    while (failed == 0 && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (name[0] == '.' || strncmp(name, "NOTICE", 6) == 0 || strncmp(name, "LICENSE", 7) == 0) {
            continue;
        }
        char child[4096];
        snprintf(child, sizeof(child), "%s/%s", path, name);
        failed = replay_path(child, replayed);
    }
    closedir(dir);
    return failed;
}

static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (file == NULL || data == NULL || fread(data, 1, size, file) != size) {
        fprintf(stderr, "cannot read %s\n", path);
        if (file != NULL) {
            fclose(file);
        }
        free(data);
        return 1;
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}
