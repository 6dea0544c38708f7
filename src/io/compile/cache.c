/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled lists on disk, one file each, named by what they were made of: an update of
 * the library or of this format asks for other names, so nothing old is ever loaded.
 * Written whole or not at all (spool_file_save). A file that fails its checks is removed
 * and compiled again; the checks are against accidents, the folder is the gateway's own.
 */
#include "compile_private.h"

#include "portcullis/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".termdb"
#define NAME_CHARS (2 * COMPILE_KEY_BYTES + sizeof(SUFFIX) - 1)
#define PATH_CHARS 1024
#define FILES_MAX 1000000U
#define LEFT_OVER_S 3600 /* of a write that was cut off */

/* A file is magic, key, SHA-256 of the database, the database. Part of the key, too. */
static const char magic[8] = "pctdb 1\n";
#define HEADER_BYTES (sizeof(magic) + COMPILE_KEY_BYTES + 32U)

struct kept {
    char name[NAME_CHARS + 1];
    int64_t used_s;
    uint64_t bytes;
};

static bool path_of(const char *dir, const uint8_t *key, char ret[PATH_CHARS]);
static bool is_whole(struct str file, const uint8_t *key);
static struct kept *list(const char *dir, size_t *ret_count);
static bool look(const char *dir, const char *name, struct kept *ret);
static void remove_left_over(const char *dir, const char *name, int64_t now_s);
static int compare_used(const void *a, const void *b);

void compile_key_of(struct str source, uint8_t ret[COMPILE_KEY_BYTES])
{
    struct buf parts;
    struct sha256 hash = sha256_of(source);
    struct str platform = scan_terms_platform();
    buf_init(&parts, 4096);
    buf_add(&parts, (struct str){magic, sizeof(magic)});
    buf_add(&parts, str_sub(platform, 0, 1024));
    buf_add_byte(&parts, '\0');
    buf_add(&parts, (struct str){(const char *)hash.bytes, sizeof(hash.bytes)});
    struct sha256 key = sha256_of(buf_str(&parts));
    ASSERT(parts.err == ERR_OK);
    buf_fini(&parts);
    memcpy(ret, key.bytes, COMPILE_KEY_BYTES);
}

static bool path_of(const char *dir, const uint8_t *key, char ret[PATH_CHARS])
{
    char hex[2 * COMPILE_KEY_BYTES];
    hex_of(key, COMPILE_KEY_BYTES, hex);
    int n = snprintf(ret, PATH_CHARS, "%s/%.*s%s", dir, (int)sizeof(hex), hex, SUFFIX);
    return n > 0 && n < PATH_CHARS;
}

enum err compile_cache_load(const char *dir, const uint8_t key[COMPILE_KEY_BYTES],
                            struct buf *ret_database)
{
    char path[PATH_CHARS];
    struct buf file;
    if (!path_of(dir, key, path)) {
        return ERR_NOT_FOUND;
    }
    buf_init(&file, ret_database->bytes_max + HEADER_BYTES + 64);
    enum err e = spool_file_load(path, &file);
    if (e == ERR_OK && !is_whole(buf_str(&file), key)) {
        e = ERR_CORRUPT;
    }
    if (e == ERR_OK) {
        buf_add(ret_database, str_sub(buf_str(&file), HEADER_BYTES, file.len));
        e = ret_database->err;
        (void)utimensat(AT_FDCWD, path, NULL, 0);
    } else if (e != ERR_NOT_FOUND && e != ERR_MEMORY) {
        e = ERR_CORRUPT;
        unlink(path);
    }
    buf_fini(&file);
    return e;
}

static bool is_whole(struct str file, const uint8_t *key)
{
    if (file.len <= HEADER_BYTES || memcmp(file.ptr, magic, sizeof(magic)) != 0 ||
        memcmp(file.ptr + sizeof(magic), key, COMPILE_KEY_BYTES) != 0) {
        return false;
    }
    struct sha256 hash = sha256_of(str_sub(file, HEADER_BYTES, file.len));
    return memcmp(file.ptr + sizeof(magic) + COMPILE_KEY_BYTES, hash.bytes, sizeof(hash.bytes)) ==
           0;
}

enum err compile_cache_save(const char *dir, const uint8_t key[COMPILE_KEY_BYTES],
                            struct str database)
{
    char path[PATH_CHARS];
    struct buf file;
    if (!path_of(dir, key, path)) {
        return ERR_LIMIT;
    }
    struct sha256 hash = sha256_of(database);
    buf_init(&file, database.len + HEADER_BYTES);
    buf_add(&file, (struct str){magic, sizeof(magic)});
    buf_add(&file, (struct str){(const char *)key, COMPILE_KEY_BYTES});
    buf_add(&file, (struct str){(const char *)hash.bytes, sizeof(hash.bytes)});
    buf_add(&file, database);
    enum err e = file.err == ERR_OK ? spool_file_save(path, buf_str(&file)) : file.err;
    buf_fini(&file);
    return e;
}

void compile_cache_prune(const char *dir, uint64_t bytes_max, unsigned days_max)
{
    size_t count = 0;
    struct kept *files = list(dir, &count);
    int64_t oldest_s = (int64_t)time(NULL) - (int64_t)days_max * 86400;
    uint64_t bytes = 0;
    if (files == NULL) {
        return;
    }
    qsort(files, count, sizeof(files[0]), compare_used);
    for (size_t i = count; i > 0; i--) { /* the last used one first */
        char path[PATH_CHARS];
        const struct kept *f = &files[i - 1];
        bytes += f->bytes;
        bool is_old = days_max != 0 && f->used_s < oldest_s;
        if ((bytes > bytes_max || is_old) &&
            snprintf(path, sizeof(path), "%s/%s", dir, f->name) < (int)sizeof(path)) {
            unlink(path);
        }
    }
    free(files);
}

/* Heap; NULL when there is nothing, or no memory. */
static struct kept *list(const char *dir, size_t *ret_count)
{
    struct kept *files = NULL;
    size_t capacity = 0, count = 0;
    int64_t now_s = (int64_t)time(NULL);
    DIR *d = opendir(dir);
    for (struct dirent *e; d != NULL && count < FILES_MAX && (e = readdir(d)) != NULL;) {
        struct kept *more = list_grow(files, &capacity, count + 1, FILES_MAX, sizeof(*files));
        if (more == NULL) {
            break;
        }
        files = more;
        if (look(dir, e->d_name, &files[count])) {
            count++;
        } else {
            remove_left_over(dir, e->d_name, now_s);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    *ret_count = count;
    return files;
}

static bool look(const char *dir, const char *name, struct kept *ret)
{
    char path[PATH_CHARS];
    struct stat st;
    struct str text = str_from(name);
    if (text.len != NAME_CHARS || !str_ends(text, STR(SUFFIX)) ||
        snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
        lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    memcpy(ret->name, name, NAME_CHARS + 1);
    ret->used_s = (int64_t)st.st_mtim.tv_sec;
    ret->bytes = (uint64_t)st.st_size;
    return true;
}

static void remove_left_over(const char *dir, const char *name, int64_t now_s)
{
    char path[PATH_CHARS];
    struct stat st;
    if (str_ends(str_from(name), STR(SUFFIX ".new")) &&
        snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) &&
        lstat(path, &st) == 0 && st.st_mtim.tv_sec < now_s - LEFT_OVER_S) {
        unlink(path);
    }
}

static int compare_used(const void *a, const void *b)
{
    const struct kept *x = a;
    const struct kept *y = b;
    if (x->used_s != y->used_s) {
        return x->used_s < y->used_s ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}
