/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled lists on disk: what is saved comes back, what was changed by one bit, cut,
 * renamed or put there by somebody else does not and is removed, and the folder stays
 * below its bounds, losing first what was not used for the longest.
 */
#include "box.h"

#include <fcntl.h>
#include <time.h>

static void path_of(const struct box *b, const uint8_t *key, char ret[700])
{
    char hex[2 * COMPILE_KEY_BYTES];
    hex_of(key, COMPILE_KEY_BYTES, hex);
    snprintf(ret, 700, "%s/%.*s.termdb", b->dir, (int)sizeof(hex), hex);
}

static size_t slurp(const char *path, char *to, size_t size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(to, 1, size, f);
    fclose(f);
    return n;
}

static void spew(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static enum err load(const struct box *b, const uint8_t *key, struct buf *out)
{
    buf_init(out, 1U << 20);
    return compile_cache_load(b->dir, key, out);
}

static void set_age(const char *path, int64_t age_s)
{
    struct timespec t[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
    assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void test_saved_and_loaded(void **state)
{
    struct box b;
    struct buf out;
    uint8_t one[COMPILE_KEY_BYTES], two[COMPILE_KEY_BYTES];
    (void)state;
    box_init(&b);
    compile_key_of(STR("one"), one);
    compile_key_of(STR("two"), two);
    assert_int_equal(load(&b, one, &out), ERR_NOT_FOUND);
    assert_int_equal(compile_cache_save(b.dir, one, STR("bytes of one")), ERR_OK);
    assert_int_equal(load(&b, one, &out), ERR_OK);
    ASSERT_STR(buf_str(&out), "bytes of one");
    buf_fini(&out);
    assert_int_equal(load(&b, two, &out), ERR_NOT_FOUND);
    assert_int_equal(compile_cache_save(b.dir, one, STR("again")), ERR_OK); /* replaced */
    assert_int_equal(load(&b, one, &out), ERR_OK);
    ASSERT_STR(buf_str(&out), "again");
    buf_fini(&out);
    assert_int_equal(box_files(&b, NULL, 0), 1); /* and no temporary */
    box_fini(&b);
}

/* Every single bit, and every length. */
static void test_a_damaged_file_is_removed(void **state)
{
    struct box b;
    struct buf out;
    uint8_t key[COMPILE_KEY_BYTES];
    char path[700], bytes[400];
    (void)state;
    box_init(&b);
    compile_key_of(STR("source"), key);
    path_of(&b, key, path);
    assert_int_equal(compile_cache_save(b.dir, key, STR("some bytes of a database")), ERR_OK);
    size_t len = slurp(path, bytes, sizeof(bytes));
    assert_true(len > 24 && len < sizeof(bytes));
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        spew(path, bytes, len);
        assert_int_equal(load(&b, key, &out), ERR_CORRUPT);
        assert_int_equal(out.len, 0);
        buf_fini(&out);
        assert_int_equal(access(path, F_OK), -1);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t cut = 0; cut < len; cut++) {
        spew(path, bytes, cut);
        assert_int_equal(load(&b, key, &out), ERR_CORRUPT);
        buf_fini(&out);
    }
    spew(path, bytes, len);
    assert_int_equal(load(&b, key, &out), ERR_OK); /* the loop above meant something */
    buf_fini(&out);
    box_fini(&b);
}

static void test_another_lists_file_is_not_taken(void **state)
{
    struct box b;
    struct buf out;
    uint8_t one[COMPILE_KEY_BYTES], two[COMPILE_KEY_BYTES];
    char from[700], to[700];
    (void)state;
    box_init(&b);
    compile_key_of(STR("one"), one);
    compile_key_of(STR("two"), two);
    path_of(&b, one, from);
    path_of(&b, two, to);
    assert_int_equal(compile_cache_save(b.dir, one, STR("bytes of one")), ERR_OK);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(load(&b, two, &out), ERR_CORRUPT);
    buf_fini(&out);
    assert_int_equal(box_files(&b, NULL, 0), 0);
    box_fini(&b);
}

static void test_a_file_too_big_is_removed(void **state)
{
    struct box b;
    struct buf out;
    uint8_t key[COMPILE_KEY_BYTES];
    (void)state;
    box_init(&b);
    compile_key_of(STR("one"), key);
    char *big = calloc(1, 1U << 16);
    assert_non_null(big);
    assert_int_equal(compile_cache_save(b.dir, key, (struct str){big, 1U << 16}), ERR_OK);
    free(big);
    buf_init(&out, 1000);
    assert_int_equal(compile_cache_load(b.dir, key, &out), ERR_CORRUPT);
    assert_int_equal(box_files(&b, NULL, 0), 0);
    buf_fini(&out);
    box_fini(&b);
}

/* The key holds the platform: the same source on another library is another file. */
static void test_keys(void **state)
{
    uint8_t a[COMPILE_KEY_BYTES], b[COMPILE_KEY_BYTES], c[COMPILE_KEY_BYTES];
    (void)state;
    compile_key_of(STR("list"), a);
    compile_key_of(STR("list"), b);
    compile_key_of(STR("lisu"), c);
    assert_memory_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, c, sizeof(a));
    struct sha256 bare = sha256_of(STR("list"));
    assert_memory_not_equal(a, bare.bytes, sizeof(a));
}

static void test_pruned_by_size_oldest_first(void **state)
{
    struct box b;
    struct buf out;
    uint8_t keys[4][COMPILE_KEY_BYTES];
    char path[700], foreign[700], left_over[700], fresh[700];
    (void)state;
    box_init(&b);
    char *big = calloc(1, 10000);
    assert_non_null(big);
    for (unsigned i = 0; i < 4; i++) {
        compile_key_of((struct str){(const char *)&i, sizeof(i)}, keys[i]);
        assert_int_equal(compile_cache_save(b.dir, keys[i], (struct str){big, 10000}), ERR_OK);
        path_of(&b, keys[i], path);
        set_age(path, 1000 - (int64_t)i * 10);
    }
    free(big);
    snprintf(foreign, sizeof(foreign), "%s/readme", b.dir);
    snprintf(left_over, sizeof(left_over), "%s/x.termdb.new", b.dir);
    snprintf(fresh, sizeof(fresh), "%s/y.termdb.new", b.dir);
    spew(foreign, "x", 1);
    spew(left_over, "x", 1);
    set_age(left_over, 7200);
    spew(fresh, "x", 1);
    assert_int_equal(load(&b, keys[0], &out), ERR_OK); /* used: it is the youngest now */
    buf_fini(&out);
    compile_cache_prune(b.dir, 25000, 0);
    assert_int_equal(load(&b, keys[0], &out), ERR_OK);
    buf_fini(&out);
    assert_int_equal(load(&b, keys[1], &out), ERR_NOT_FOUND);
    assert_int_equal(load(&b, keys[2], &out), ERR_NOT_FOUND);
    assert_int_equal(load(&b, keys[3], &out), ERR_OK);
    buf_fini(&out);
    assert_int_equal(access(foreign, F_OK), 0); /* not ours: not touched */
    assert_int_equal(access(fresh, F_OK), 0);   /* somebody is writing it */
    assert_int_equal(access(left_over, F_OK), -1);
    box_fini(&b);
}

static void test_pruned_by_age(void **state)
{
    struct box b;
    struct buf out;
    uint8_t keys[2][COMPILE_KEY_BYTES];
    char path[700];
    (void)state;
    box_init(&b);
    for (unsigned i = 0; i < 2; i++) {
        compile_key_of((struct str){(const char *)&i, sizeof(i)}, keys[i]);
        assert_int_equal(compile_cache_save(b.dir, keys[i], STR("x")), ERR_OK);
    }
    path_of(&b, keys[0], path);
    set_age(path, 3 * 86400);
    compile_cache_prune(b.dir, 1U << 30, 0);
    assert_int_equal(box_files(&b, NULL, 0), 2);
    compile_cache_prune(b.dir, 1U << 30, 2);
    assert_int_equal(load(&b, keys[0], &out), ERR_NOT_FOUND);
    assert_int_equal(load(&b, keys[1], &out), ERR_OK);
    buf_fini(&out);
    box_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saved_and_loaded),
        cmocka_unit_test(test_a_damaged_file_is_removed),
        cmocka_unit_test(test_another_lists_file_is_not_taken),
        cmocka_unit_test(test_a_file_too_big_is_removed),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_pruned_by_size_oldest_first),
        cmocka_unit_test(test_pruned_by_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
