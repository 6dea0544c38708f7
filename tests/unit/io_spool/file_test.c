/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole files: what is saved comes back byte for byte, and nothing that was cut or
 * flipped anywhere comes back at all.
 */
#include "box.h"

static void path_of(const struct box *b, char path[400])
{
    snprintf(path, 400, "%s/snapshot", b->dir);
}

static void overwrite(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void saves_and_loads(void **state)
{
    (void)state;
    struct box b;
    char path[400];
    struct buf out;
    box_init(&b);
    path_of(&b, path);
    static char large[300000];
    for (size_t i = 0; i < sizeof(large); i++) {
        large[i] = (char)(i * 7 + i / 251);
    }
    const struct str texts[] = {STR("second"), {large, sizeof(large)}, STR("")};
    buf_init(&out, 400000);
    assert_int_equal(spool_file_load(path, &out), ERR_NOT_FOUND);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(spool_file_save(path, texts[i]), ERR_OK);
        buf_clear(&out);
        buf_add(&out, STR("before"));
        assert_int_equal(spool_file_load(path, &out), ERR_OK);
        assert_int_equal(out.len, 6 + texts[i].len);
        assert_memory_equal(out.ptr, "before", 6);
        assert_true(str_eq(str_sub(buf_str(&out), 6, out.len), texts[i]));
    }
    buf_fini(&out);
    box_fini(&b);
}

static void is_private_and_leaves_no_temporary(void **state)
{
    (void)state;
    struct box b;
    char path[400], temporary[410];
    struct stat st;
    box_init(&b);
    path_of(&b, path);
    assert_int_equal(spool_file_save(path, STR("secret")), ERR_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    assert_int_equal(access(temporary, F_OK), -1);
    box_fini(&b);
}

static void refuses_every_truncation_and_flip(void **state)
{
    (void)state;
    struct box b;
    char path[400], whole[200];
    struct buf out;
    box_init(&b);
    path_of(&b, path);
    assert_int_equal(spool_file_save(path, STR("what the gateway enforces")), ERR_OK);
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, whole, sizeof(whole));
    close(fd);
    assert_true(len > 25 && (size_t)len < sizeof(whole));
    buf_init(&out, 1000);
    for (size_t cut = 0; cut < (size_t)len; cut++) {
        overwrite(path, whole, cut);
        assert_int_equal(spool_file_load(path, &out), ERR_CORRUPT);
        assert_int_equal(out.len, 0);
    }
    for (size_t bit = 0; bit < (size_t)len * 8; bit++) {
        whole[bit / 8] = (char)(whole[bit / 8] ^ (1 << bit % 8));
        overwrite(path, whole, (size_t)len);
        assert_int_equal(spool_file_load(path, &out), ERR_CORRUPT);
        whole[bit / 8] = (char)(whole[bit / 8] ^ (1 << bit % 8));
    }
    whole[len] = 'x';
    overwrite(path, whole, (size_t)len + 1);
    assert_int_equal(spool_file_load(path, &out), ERR_CORRUPT);
    overwrite(path, whole, (size_t)len);
    assert_int_equal(spool_file_load(path, &out), ERR_OK);
    ASSERT_STR(buf_str(&out), "what the gateway enforces");
    buf_fini(&out);
    box_fini(&b);
}

static void a_failed_save_keeps_the_old_file(void **state)
{
    (void)state;
    struct box b;
    char path[400], temporary[410];
    struct buf out;
    box_init(&b);
    path_of(&b, path);
    assert_int_equal(spool_file_save(path, STR("old")), ERR_OK);
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    assert_int_equal(mkdir(temporary, 0700), 0); /* the temporary cannot be opened */
    assert_int_equal(spool_file_save(path, STR("new")), ERR_IO);
    rmdir(temporary);
    buf_init(&out, 100);
    assert_int_equal(spool_file_load(path, &out), ERR_OK);
    ASSERT_STR(buf_str(&out), "old");
    buf_fini(&out);
    buf_init(&out, 10);
    assert_int_equal(spool_file_load(path, &out), ERR_LIMIT);
    assert_int_equal(spool_file_load(b.dir, &out), ERR_IO);
    buf_fini(&out);
    char beyond[1200];
    memset(beyond, 'x', sizeof(beyond));
    beyond[sizeof(beyond) - 1] = '\0';
    assert_int_equal(spool_file_save(beyond, STR("x")), ERR_LIMIT);
    box_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saves_and_loads),
        cmocka_unit_test(is_private_and_leaves_no_temporary),
        cmocka_unit_test(refuses_every_truncation_and_flip),
        cmocka_unit_test(a_failed_save_keeps_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
