/* SPDX-License-Identifier: Apache-2.0
 *
 * Span edits: any order, insertions beside cuts, both ends of the body, and the
 * refusal of edits that overlap, lie outside or are reversed. The bytes between edits
 * must come out as they went in (catalogue D 90).
 */
#include "llm_util.h"

static void test_edits_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct llm_edit edits[] = {{{8, 9}, STR("three")}, {{0, 1}, STR("one")}, {{4, 5}, STR("")}};
    assert_int_equal(llm_edits_apply(&f->out, STR("1 , 2 , 3"), edits, 3), ERR_OK);
    expect_str(buf_str(&f->out), "one ,  , three");
}

static void test_insertion_beside_cut(void **state)
{
    struct fixture *f = *state;
    struct llm_edit edits[] = {{{1, 4}, STR("")}, {{1, 1}, STR("X")}};
    assert_int_equal(llm_edits_apply(&f->out, STR("{abcd}"), edits, 2), ERR_OK);
    expect_str(buf_str(&f->out), "{Xd}");
}

static void test_none_and_ends(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(llm_edits_apply(&f->out, STR("same"), NULL, 0), ERR_OK);
    expect_str(buf_str(&f->out), "same");
    buf_clear(&f->out);
    struct llm_edit edits[] = {{{0, 0}, STR("<")}, {{4, 4}, STR(">")}};
    assert_int_equal(llm_edits_apply(&f->out, STR("same"), edits, 2), ERR_OK);
    expect_str(buf_str(&f->out), "<same>");
}

static void test_bad_edits_are_refused(void **state)
{
    struct fixture *f = *state;
    struct llm_edit overlap[] = {{{0, 3}, STR("")}, {{2, 4}, STR("")}};
    struct llm_edit outside[] = {{{3, 9}, STR("")}};
    struct llm_edit reversed[] = {{{3, 2}, STR("")}};
    assert_int_equal(llm_edits_apply(&f->out, STR("abcdef"), overlap, 2), ERR_INTERNAL);
    assert_int_equal(llm_edits_apply(&f->out, STR("abcdef"), outside, 1), ERR_INTERNAL);
    assert_int_equal(llm_edits_apply(&f->out, STR("abcdef"), reversed, 1), ERR_INTERNAL);
}

static void test_limit(void **state)
{
    (void)state;
    struct buf small;
    buf_init(&small, 3);
    assert_int_equal(llm_edits_apply(&small, STR("abcdef"), NULL, 0), ERR_LIMIT);
    buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_edits_in_any_order),
        TEST(test_insertion_beside_cut),
        TEST(test_none_and_ends),
        TEST(test_bad_edits_are_refused),
        TEST(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
