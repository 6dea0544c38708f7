/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of tool arguments that become equal when they are masked: they are numbered in
 * their order, whole and streamed alike, whatever the cuts; names that were equal from the
 * beginning, and names of other objects, are not touched. Random documents show that no
 * member is lost and no name is there twice.
 */
#include "world.h"

static struct world w;
static uint64_t dice = 1;

static int load(void **state)
{
    (void)state;
    world_init(&w);
    WORLD_RULES(&w, RULE("pii", "modify", "both",
                         "{\"types\":[\"email\"],\"format\":\"[EMAIL]\"}"));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_fini(&w);
    return 0;
}

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % sides;
}

static struct str whole(struct str value)
{
    struct llm_text *text = ARENA_NEW(&w.arena, struct llm_text);
    const struct llm_edit *edits;
    struct json_doc doc;
    size_t count;
    world_check(&w);
    *text = (struct llm_text){.value = value, .role = LLM_ROLE_ASSISTANT, .is_json = true};
    assert_int_equal(content_response_add(w.check, text), ERR_OK);
    assert_int_equal(world_run(&w), ERR_OK);
    assert_int_equal(content_edits(w.check, &edits, &count), ERR_OK);
    if (count == 0) {
        return value;
    }
    assert_int_equal(json_parse(&w.arena, edits[0].with, &json_limits_default, &doc, &w.issue),
                     ERR_OK);
    return arena_str(&w.arena, json_str(doc.root));
}

/* In pieces of `step` bytes; 0: of one to seven, by the dice. */
static struct str streamed(struct str value, size_t step)
{
    struct buf out;
    buf_init(&out, 1U << 20);
    world_check(&w);
    for (size_t i = 0; i < value.len;) {
        size_t len = step != 0 ? step : 1 + roll(7);
        const struct llm_text piece = {.value = str_sub(value, i, i + len),
                                       .role = LLM_ROLE_ASSISTANT,
                                       .is_json = true,
                                       .is_delta = true,
                                       .channel = 7};
        assert_int_equal(content_feed(w.check, &piece, &out), ERR_OK);
        i += len;
    }
    assert_int_equal(content_close(w.check, 7, &out), ERR_OK);
    struct str ret = arena_str(&w.arena, buf_str(&out));
    buf_fini(&out);
    return ret;
}

static void same(struct str a, struct str b)
{
    if (!str_eq(a, b)) {
        fail_msg("%.*s\n%.*s", STR_ARG(a), STR_ARG(b));
    }
}

static const struct {
    const char *before, *after;
} cases[] = {
    {"{\"a@x.example\":1,\"b@x.example\":2,\"c@x.example\":{}}",
     "{\"[EMAIL]\":1,\"[EMAIL]_2\":2,\"[EMAIL]_3\":{}}"},
    /* one that was there already, in front and behind */
    {"{\"[EMAIL]\":1,\"b@x.example\":2}", "{\"[EMAIL]\":1,\"[EMAIL]_2\":2}"},
    {"{\"a@x.example\":1,\"[EMAIL]\":2}", "{\"[EMAIL]\":1,\"[EMAIL]_2\":2}"},
    {"{\"[EMAIL]_2\":0,\"a@x.example\":1,\"b@x.example\":2}",
     "{\"[EMAIL]_2\":0,\"[EMAIL]\":1,\"[EMAIL]_3\":2}"},
    {"{\"a@x.example\":1,\"b@x.example\":2,\"[EMAIL]_2\":0}",
     "{\"[EMAIL]\":1,\"[EMAIL]_2\":2,\"[EMAIL]_2_2\":0}"},
    /* written otherwise, the same name */
    {"{\"\\u005bEMAIL]\":1,\"b\\u0040x.example\":2}",
     "{\"\\u005bEMAIL]\":1,\"[EMAIL]_2\":2}"},
    /* a well-known word is a name like any other */
    {"{\"name\":1,\"a@x.example\":2,\"id\":3}", "{\"name\":1,\"[EMAIL]\":2,\"id\":3}"},
    /* every object by itself; values are no names */
    {"{\"a@x.example\":{\"b@x.example\":[{\"c@x.example\":\"[EMAIL]\"},{\"d@x.example\":1}]},"
     "\"e@x.example\":\"f@x.example\"}",
     "{\"[EMAIL]\":{\"[EMAIL]\":[{\"[EMAIL]\":\"[EMAIL]\"},{\"[EMAIL]\":1}]},"
     "\"[EMAIL]_2\":\"[EMAIL]\"}"},
    {"{\"to a@x.example\":1,\"to b@x.example\":2,\"to\":3}",
     "{\"to [EMAIL]\":1,\"to [EMAIL]_2\":2,\"to\":3}"},
};

static void test_equal_names_are_numbered(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str before = str_from(cases[i].before);
        same(whole(before), str_from(cases[i].after));
        w.step = 1; /* as many turns as can be */
        same(whole(before), str_from(cases[i].after));
        w.step = (size_t)64 << 10;
        for (size_t step = 1; step <= before.len; step++) {
            struct str after = streamed(before, step);
            if (i != 5) {
                same(after, str_from(cases[i].after));
            } else { /* an escape that needs none is written plainly in a stream */
                same(after, STR("{\"[EMAIL]\":1,\"[EMAIL]_2\":2}"));
            }
        }
    }
}

/* No JSON for a reader that takes no name twice: a text, and nothing of it is renamed. */
static void test_names_that_were_equal_stay(void **state)
{
    (void)state;
    static const struct str twice = STR_INIT("{\"a\":1,\"a\":2,\"b\":{\"a\":1}}");
    same(whole(twice), twice);
    same(streamed(twice, 1), twice);
}

static void add_object(struct buf *b, unsigned depth)
{
    static const char *const names[] = {
        "a@x.example", "b@x.example",  "c@x.example", "d@x.example", "[EMAIL]",   "[EMAIL]_2",
        "[EMAIL]_3",   "[EMAIL]_2_2",  "plain",       "name",        "to a@x.example",
        "",            "to [EMAIL]",   "to b@x.example"};
    bool used[sizeof(names) / sizeof(names[0])] = {false};
    unsigned count = roll(7);
    bool is_first = true;
    buf_add_byte(b, '{');
    for (unsigned i = 0; i < count; i++) {
        unsigned at = roll(sizeof(names) / sizeof(names[0]));
        if (used[at]) {
            continue;
        }
        used[at] = true;
        buf_printf(b, "%s\"%s\":", is_first ? "" : ",", names[at]);
        is_first = false;
        switch (depth < 4 ? roll(4) : 0) {
        case 0:
            buf_printf(b, "%u", roll(100));
            break;
        case 1:
            add_object(b, depth + 1);
            break;
        case 2:
            buf_add(b, STR("[1,"));
            add_object(b, depth + 1);
            buf_add(b, STR("]"));
            break;
        default:
            buf_add(b, STR("\"[EMAIL]\""));
            break;
        }
    }
    buf_add_byte(b, '}');
}

static void compare_shape(yyjson_val *a, yyjson_val *b)
{
    size_t i, max;
    yyjson_val *key, *item;
    assert_int_equal(yyjson_get_type(a), yyjson_get_type(b));
    if (!yyjson_is_ctn(a)) {
        return;
    }
    assert_int_equal(yyjson_get_len(a), yyjson_get_len(b));
    yyjson_obj_iter other = {0};
    if (yyjson_is_obj(b)) {
        yyjson_obj_iter_init(b, &other);
    }
    if (yyjson_is_arr(a)) {
        yyjson_arr_foreach(a, i, max, item)
        {
            compare_shape(item, yyjson_arr_get(b, i));
        }
        return;
    }
    yyjson_obj_foreach(a, i, max, key, item)
    {
        compare_shape(item, yyjson_obj_iter_get_val(yyjson_obj_iter_next(&other)));
    }
}

static void test_random_documents(void **state)
{
    (void)state;
    size_t changed = 0;
    for (unsigned round = 0; round < 2000; round++) {
        struct buf b;
        struct json_doc before, after;
        dice = round;
        buf_init(&b, 1U << 20);
        add_object(&b, 0);
        struct str value = arena_str(&w.arena, buf_str(&b));
        buf_fini(&b);
        struct str edited = whole(value);
        changed += !str_eq(edited, value);
        same(streamed(value, 0), edited);
        same(streamed(value, 1), edited);
        assert_int_equal(json_parse(&w.arena, value, &json_limits_default, &before, &w.issue),
                         ERR_OK);
        /* strict: a name that is there twice is an error */
        assert_int_equal(json_parse(&w.arena, edited, &json_limits_default, &after, &w.issue),
                         ERR_OK);
        compare_shape(before.root, after.root);
        assert_true(str_find_str(edited, STR("@x.example")) < 0);
    }
    assert_true(changed > 1000);
}

/* `count` names, each with a number; half of the objects end in front of the last one. */
static struct str many_names(const char *domain, unsigned count)
{
    struct buf b;
    buf_init(&b, 4U << 20);
    buf_add(&b, STR("[{"));
    for (unsigned i = 0; i < count; i++) {
        const char *between = i == 0 ? "" : i == count / 2 ? "},{" : ",";
        buf_printf(&b, "%s\"n%u@%s\":%u", between, i, domain, i % 7);
    }
    buf_add(&b, STR("}]"));
    struct str value = arena_str(&w.arena, buf_str(&b));
    buf_fini(&b);
    return value;
}

/* However it is stepped and whoever parses it, a large document comes out the same, and a
 * step makes no more edits than it has bytes for. */
static void test_many_names_in_steps(void **state)
{
    (void)state;
    static const size_t steps[] = {64, 1000, 8192, 65536, SIZE_MAX};
    const unsigned count = 6000;
    struct str clean = many_names("xxexample", count), found = many_names("x.example", count);
    struct str first = STR_NONE;
    for (size_t i = 0; i < 2 * sizeof(steps) / sizeof(steps[0]); i++) {
        w.step = steps[i / 2];
        w.may_work = i % 2 != 0;
        same(whole(clean), clean);
        size_t turns = w.turns;
        struct str after = whole(found);
        assert_int_equal(w.works, w.may_work ? 1 : 0);
        /* Each edit counts as 32 bytes to be made, and as much to be copied. */
        assert_true(w.turns - turns >= count * 64 / w.step);
        first = i == 0 ? after : first;
        same(after, first);
    }
    w.step = (size_t)64 << 10;
    w.may_work = false;
    assert_true(str_find_str(first, STR("@")) < 0);
    assert_true(str_starts(first, STR("[{\"[EMAIL]\":0,\"[EMAIL]_2\":1,")));
    assert_true(str_find_str(first, STR(",\"[EMAIL]_3000\":3},{\"[EMAIL]\":4,")) > 0);
    same(streamed(found, 1000), first);
}

/* Shapes that are hard on one part: what comes out is the same in steps of any size. */
static void test_hard_shapes_in_steps(void **state)
{
    (void)state;
    for (unsigned shape = 0; shape < 4; shape++) {
        struct buf b;
        buf_init(&b, 4U << 20);
        buf_add(&b, shape == 1 ? STR("\"") : STR("["));
        for (unsigned i = 0; i < 6000; i++) {
            const char *const pieces[] = {
                i % 1000 == 7 ? ",\"a@x.example\"" : ",\"\",\"x\"",       /* tiny strings */
                i % 1000 == 7 ? "a@x.example" : "\\n\\u00e9\\\"\\ud83d\\ude00", /* escapes */
                i % 1000 == 7 ? ",{\"b@x.example\":1.5}" : ",-1e3",          /* numbers */
                i % 1000 == 7 ? ",\"a@x.example\"" : ",{\"a\":[{}]}"};        /* containers */
            const char *piece = pieces[shape];
            buf_add(&b, str_from(i == 0 && shape != 1 ? piece + 1 : piece));
        }
        buf_add(&b, shape == 1 ? STR("\"") : STR("]"));
        struct str value = arena_str(&w.arena, buf_str(&b)), first = STR_NONE;
        buf_fini(&b);
        for (size_t step = 64; step <= 65536; step *= 32) {
            w.step = step;
            w.may_work = step == 2048;
            struct str after = whole(value);
            first = step == 64 ? after : first;
            same(after, first);
        }
        w.step = (size_t)64 << 10;
        w.may_work = false;
        assert_false(str_eq(first, value));
        assert_true(str_find_str(first, STR("@")) < 0);
    }
}

/* Names of the body itself, by the object they stand in. */
static void test_names_of_the_body(void **state)
{
    (void)state;
    assert_string_equal(
        world_request(&w, LLM_CHAT,
                      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
                      "\"metadata\":{\"a@x.example\":\"1\",\"[EMAIL]\":\"2\",\"b@x.example\":\"3\","
                      "\"in\":{\"c@x.example\":\"4\"}}}"),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
        "\"metadata\":{\"[EMAIL]\":\"1\",\"[EMAIL]_2\":\"2\",\"[EMAIL]_3\":\"3\","
        "\"in\":{\"[EMAIL]\":\"4\"}}}");
}

/* Edits that were made already are made anew when more is added before they are taken. */
static void test_names_that_are_added_later(void **state)
{
    (void)state;
    const struct llm_edit *edits;
    size_t count;
    struct llm_text names[] = {
        {.value = STR("[EMAIL]"), .pointer = STR("/m/[EMAIL]"), .span = {1, 10}, .is_key = true},
        {.value = STR("a@x.example"), .pointer = STR("/m/a"), .span = {20, 33}, .is_key = true},
        {.value = STR("b@x.example"), .pointer = STR("/m/b"), .span = {40, 53}, .is_key = true}};
    world_check(&w);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(content_request_add(w.check, &names[i]), ERR_OK);
        assert_int_equal(world_run(&w), ERR_OK);
    }
    assert_int_equal(content_edits(w.check, &edits, &count), ERR_OK);
    assert_int_equal(count, 2);
    same(edits[0].with, STR("\"[EMAIL]_2\""));
    same(edits[1].with, STR("\"[EMAIL]_3\""));
}

/* More names than anybody has: refused, not passed. */
static void test_too_many_names(void **state)
{
    (void)state;
    struct buf b;
    enum err err = ERR_OK;
    buf_init(&b, 1U << 20);
    world_check(&w);
    for (unsigned i = 0; i <= 70000 && err == ERR_OK; i++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "%s\"n%u\":1", i == 0 ? "{" : ",", i);
        const struct llm_text piece = {.value = {text, (size_t)len},
                                       .role = LLM_ROLE_ASSISTANT,
                                       .is_json = true,
                                       .is_delta = true,
                                       .channel = 7};
        buf_clear(&b);
        err = content_feed(w.check, &piece, &b);
    }
    assert_int_equal(err, ERR_LIMIT);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_names_are_numbered),
        cmocka_unit_test(test_names_that_were_equal_stay),
        cmocka_unit_test(test_random_documents),
        cmocka_unit_test(test_many_names_in_steps),
        cmocka_unit_test(test_hard_shapes_in_steps),
        cmocka_unit_test(test_names_of_the_body),
        cmocka_unit_test(test_names_that_are_added_later),
        cmocka_unit_test(test_too_many_names),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
