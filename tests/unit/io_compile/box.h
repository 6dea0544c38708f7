/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of compile share: a folder of their own, and lists of terms by the
 * hundred. A test that starts children is its own child: /proc/self/exe.
 */
#ifndef PORTCULLIS_TEST_COMPILE_BOX_H
#define PORTCULLIS_TEST_COMPILE_BOX_H

#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../src/io/compile/compile_private.h"

struct box {
    char dir[300];
};

static inline void box_init(struct box *b)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(b->dir, sizeof(b->dir), "%s/portcullis_compile_XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(b->dir));
}

/* Files in the folder; ret_path is the last one seen (may be NULL). */
static inline size_t box_files(const struct box *b, char *ret_path, size_t size)
{
    size_t count = 0;
    DIR *d = opendir(b->dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.') {
            count++;
            if (ret_path != NULL) {
                snprintf(ret_path, size, "%s/%s", b->dir, e->d_name);
            }
        }
    }
    closedir(d);
    return count;
}

static inline void box_fini(struct box *b)
{
    char path[700];
    while (box_files(b, path, sizeof(path)) > 0) {
        assert_int_equal(unlink(path), 0);
    }
    rmdir(b->dir);
}

/* The source of these terms. */
static inline void box_source(struct buf *ret, const struct str *texts, size_t count)
{
    struct scan_term *terms = calloc(count, sizeof(*terms));
    struct issue issue;
    assert_non_null(terms);
    for (size_t i = 0; i < count; i++) {
        terms[i] = (struct scan_term){.text = texts[i], .id = (uint32_t)i};
    }
    struct scan_spec spec = {.terms = terms, .terms_count = count};
    buf_init(ret, COMPILE_SOURCE_BYTES_MAX);
    assert_int_equal(scan_terms_source(&spec, ret, &issue), ERR_OK);
    free(terms);
}

/* `count` good terms, other ones for each salt. */
static inline void box_hosts(struct buf *ret, size_t count, unsigned salt)
{
    struct str *texts = calloc(count, sizeof(*texts));
    char *bytes = calloc(count, 64);
    assert_true(texts != NULL && bytes != NULL);
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(bytes + i * 64, 64, "host%05zu.site%u.example", i, salt);
        texts[i] = (struct str){bytes + i * 64, (size_t)n};
    }
    box_source(ret, texts, count);
    free(bytes);
    free(texts);
}

/* `count` different terms of `len` bytes that end in the same letters: cheap while they
 * are short or few; their cost to compile grows with the square. */
static inline void box_alike(struct buf *ret, size_t count, size_t len)
{
    struct str *texts = calloc(count, sizeof(*texts));
    char *bytes = calloc(count, len);
    assert_true(texts != NULL && bytes != NULL && len >= 8);
    for (size_t i = 0; i < count; i++) {
        char *at = bytes + i * len;
        memset(at, 'a', len);
        for (unsigned k = 0; k < 5; k++) {
            at[k] = (char)('a' + (i >> (4 * k)) % 16);
        }
        texts[i] = (struct str){at, len};
    }
    box_source(ret, texts, count);
    free(bytes);
    free(texts);
}

#endif
