/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing texts under every action: what goes on is the same for every cut (each one and
 * each two of short texts, single bytes, random ones of long texts), tool arguments stay
 * JSON of the same structure, and what is held back stays within the bound.
 */
#include "stream_world.h"

#include "../../support/values.h"

struct cuts {
    const size_t *at;
    size_t count;
};
struct wanted {
    struct str out;
    enum err err;
};

static void check(struct world *w, struct str text, bool is_json, struct cuts cuts,
                  struct wanted wanted)
{
    struct str got = play(w, text, is_json, cuts.at, cuts.count);
    if (!str_eq(got, wanted.out) || w->err != wanted.err) {
        print_error("text   %.*s\nwanted %.*s (%s)\ngot    %.*s (%s)\ncuts", STR_ARG(text),
                    STR_ARG(wanted.out), err_name(wanted.err), STR_ARG(got), err_name(w->err));
        for (size_t i = 0; i < cuts.count && i < 20; i++) {
            print_error(" %zu", cuts.at[i]);
        }
        print_error("\n");
        fail();
    }
}

/* Every cut, every two cuts, every byte alone. */
static void check_cuts(struct world *w, struct str text, bool is_json)
{
    struct buf wanted;
    buf_init(&wanted, 1U << 20);
    buf_add(&wanted, play(w, text, is_json, NULL, 0));
    enum err err = w->err;
    const struct wanted all = {buf_str(&wanted), err};
    assert_true(err == ERR_OK || err == ERR_DENIED);
    const struct content_hit *hits;
    size_t dropped;
    size_t hits_count = content_hits(w->check, CONTENT_RESPONSE, &hits, &dropped);
    uint64_t edits = content_edits_count(w->check, CONTENT_RESPONSE);
    size_t every[512];
    assert_true(text.len < COUNT(every));
    for (size_t a = 0; a <= text.len; a++) {
        every[a] = a;
        check(w, text, is_json, (struct cuts){&a, 1}, all);
        for (size_t b = a; b <= text.len; b++) {
            size_t cuts[] = {a, b};
            check(w, text, is_json, (struct cuts){cuts, 2}, all);
        }
    }
    check(w, text, is_json, (struct cuts){every, text.len}, all);
    if (content_hits(w->check, CONTENT_RESPONSE, &hits, &dropped) != hits_count) {
        print_error("%.*s: %zu hits, not %zu\n", STR_ARG(text),
                    content_hits(w->check, CONTENT_RESPONSE, &hits, &dropped), hits_count);
        fail();
    }
    assert_int_equal(content_edits_count(w->check, CONTENT_RESPONSE), edits);
    buf_fini(&wanted);
}

static const struct {
    const char *name;
    const struct content_rule *rules;
    size_t count;
} actions[] = {
    {"mask", mask, COUNT(mask)},    {"redact", redact, COUNT(redact)},
    {"hash", hash, COUNT(hash)},    {"pseudonym", pseudonym, COUNT(pseudonym)},
    {"block", block, COUNT(block)}, {"warn", warn, COUNT(warn)},
};

static const struct str texts[] = {
    STR_INIT("mail jane.doe@example.com or jane@example.com now"),
    STR_INIT("SSN 123-45-6789. Next: 123-45-67890, a@b.co, c@d."),
    STR_INIT("card 4111 1111 1111 1111 exp; 4111-1111-1111-1112 no"),
    STR_INIT("the secret project falcon; ab12c ab123 ab1 \xc3\x89T\xc3\x89"),
    STR_INIT("sk-ant-api03-abcdefghijklmnopqrstuv1234 end"),
    STR_INIT("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\nrest"),
    STR_INIT("caf\xc3\xa9 \xf0\x9f\x98\x80 \xef\xbc\x91\xef\xbc\x92\xef\xbc\x93-45-6789 \xe6\xa9"),
    STR_INIT("12\xe2\x80\x8b"
             "3-45-6789 \xff\xc3 \xe2\x82"),
    STR_INIT("ip 10.0.0.1, call (415) 555-2671 or +44 20 7946 0958"),
    STR_INIT("j\xd0\xb0ne@ex\xd0\xb0mple.com, f\xd0\xb0lc\xcc\x81on \xe2\x80\x98x\xe2\x80\x99"),
    STR_INIT("**SSN** 123-**45**-6789, f<b>alc</b>on <!-- x --> __ab__12 <"),
    STR_INIT("jane%40example.com fal&#99;on \\u0061b123 100% %"),
    STR_INIT("see amFuZUBleGFtcGxlLmNvbSwgZmFsY29u or U1NOIDEyMy00NS02Nzg5="),
    STR_INIT("c0sxM2JXVXRVbWx2Ym1WdWRBPT0 aW50ZXJuYXRpb25hbA and/or/not/at/all"),
    STR_INIT(""),
};

static const struct str arguments[] = {
    STR_INIT("{\"to\": \"jane.doe@example.com\", \"n\": [1, -2.5e3, true, null], \"s\": \"\"}"),
    STR_INIT("{\"ssn\":\"123-45-6789\",\"card\":4111111111111111,\"x\":[4111111111111111 ,7]}"),
    STR_INIT("{\"a\":\"jane\\u0040example.org\\n\\\"\\\\\\/ \\ud83d\\ude00 \\u00e9\"}"),
    STR_INIT("{\"jane.doe@example.com\":{\"b\":\"j\\u0061ne.doe@example.com\"},\"c\":false}"),
    STR_INIT("[\"falcon\",\"secret pro\",\"ject\",[[]],{}]"),
    STR_INIT(" \"jane.doe@example.com\" "),
    STR_INIT("4111111111111111"),
    STR_INIT("[4111 1111 1111 1111]"),
    STR_INIT("mail jane.doe@example.com"),
    STR_INIT("{\"a\": 'jane.doe@example.com', b: \"x\"}"),
    STR_INIT("{\"a\":\"cut off jane.doe@examp"),
    STR_INIT("{\"a\":\"cut off \\ud83d\\u00"),
    STR_INIT("{\"a\":\"bad \\x \\u12 \t \\ud83d \\ude00 jane.doe@example.com\"}"),
    STR_INIT("{\"a\":tru, \"b\":\"123-45-6789\"}"),
    STR_INIT("{\"a\":1}{\"b\":\"123-45-6789\"}"),
    STR_INIT("{\"a\":}\"123-45-6789\""),
    STR_INIT("{\"a\":\"j\xd0\xb0ne%40example.com\",\"fal**con**\":\"123-45&#45;6789\"}"),
    STR_INIT("[\"amFuZUBleGFtcGxlLmNvbSwgZmFsY29u\",\"\\\\u0066al\\u003cb>con\"]"),
    STR_INIT("{}"),
};

static void test_any_cut_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(actions); i++) {
        struct world w;
        world_init(&w, actions[i].rules, actions[i].count);
        for (size_t k = 0; k < COUNT(texts); k++) {
            check_cuts(&w, texts[k], false);
        }
        for (size_t k = 0; k < COUNT(arguments); k++) {
            check_cuts(&w, arguments[k], true);
        }
        /* One region may be as long as a text here. */
        assert_true(w.held_max <= content_hold_bytes_max(w.content) + 100);
        world_fini(&w);
    }
}

static uint64_t roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

static void make_text(struct buf *text, uint64_t *dice, bool is_json)
{
    buf_clear(text);
    while (text->len < 2500) {
        struct str piece = is_json && roll(dice) % 2 == 0
                               ? arguments[roll(dice) % (COUNT(arguments) - 1)]
                               : texts[roll(dice) % (COUNT(texts) - 1)];
        if (is_json) {
            buf_add(text, text->len == 0 ? STR("[") : STR(","));
        }
        size_t from = roll(dice) % piece.len;
        piece = str_sub(piece, from, from + 1 + roll(dice) % 60);
        if (is_json && roll(dice) % 4 != 0) {
            json_write_str(text, piece);
        } else {
            buf_add(text, piece);
        }
    }
}

static void test_random_cuts_of_long_texts(void **state)
{
    (void)state;
    uint64_t dice = 0x9e3779b97f4a7c15U;
    struct buf text;
    struct buf wanted;
    buf_init(&text, 1U << 20);
    buf_init(&wanted, 1U << 20);
    for (size_t i = 0; i < COUNT(actions); i++) {
        struct world w;
        world_init(&w, actions[i].rules, actions[i].count);
        for (unsigned round = 0; round < 40; round++) {
            bool is_json = round % 2 == 1;
            make_text(&text, &dice, is_json);
            buf_clear(&wanted);
            buf_add(&wanted, play(&w, buf_str(&text), is_json, NULL, 0));
            enum err err = w.err;
            for (unsigned k = 0; k < 3; k++) {
                static size_t cuts[4096];
                size_t count = 0;
                size_t step = k == 0 ? 1 : k == 1 ? 9 : 200;
                for (size_t at = roll(&dice) % step + 1; at < text.len && count < COUNT(cuts);) {
                    cuts[count++] = at;
                    at += roll(&dice) % step + 1;
                }
                check(&w, buf_str(&text), is_json, (struct cuts){cuts, count},
                      (struct wanted){buf_str(&wanted), err});
            }
        }
        world_fini(&w);
    }
    buf_fini(&text);
    buf_fini(&wanted);
}

/* ---- what comes out ------------------------------------------------------------------------ */

static void expect(const struct content_rule *rules, size_t count, const char *text, bool is_json,
                   enum err err, const char *wanted)
{
    struct world w;
    world_init(&w, rules, count);
    check(&w, str_from(text), is_json, (struct cuts){NULL, 0},
          (struct wanted){str_from(wanted), err});
    world_fini(&w);
}

static void test_actions(void **state)
{
    (void)state;
    const char *text = "I am jane.doe@example.com, SSN 123-45-6789, falcon.";
    expect(mask, COUNT(mask), text, false, ERR_OK,
           "I am j***@example.com, SSN ***-**-6789, falcon.");
    expect(redact, COUNT(redact), text, false, ERR_OK,
           "I am <EMAIL 1 ecom>, SSN <SSN 1 6789>, [...].");
    expect(redact, COUNT(redact), "jane@example.com xjane@example.com jane@example.com.", false,
           ERR_OK, "jane@example.com <EMAIL 1 ecom> jane@example.com.");
    expect(warn, COUNT(warn), text, false, ERR_OK, text);
    expect(block, COUNT(block), "falcon is jane.doe@example.com", false, ERR_DENIED,
           "******** is ");
    expect(block, COUNT(block), "falcon is nobody", false, ERR_OK, "******** is nobody");
}

/* More encodings than are undone: what cannot be read does not go out where a rule blocks. */
static void test_too_many_encodings(void **state)
{
    (void)state;
    expect(warn, COUNT(warn), "it is jane%25252525252540x.example then", false, ERR_OK,
           "it is jane%25252525252540x.example then");
    expect(block, COUNT(block), "it is jane%252540x.example then", false, ERR_DENIED, "it is ");
    for (unsigned cut = 0; cut < 40; cut += 3) {
        struct world w;
        size_t at = cut;
        world_init(&w, block, COUNT(block));
        struct str text = STR("it is %252525252525252540 and some more words");
        struct str out = play(&w, text, false, &at, 1);
        assert_int_equal(w.err, ERR_DENIED);
        assert_true(out.len <= 6 && str_starts(STR("it is "), out));
        world_fini(&w);
    }
}

static void test_arguments_stay_json(void **state)
{
    (void)state;
    expect(
        redact, COUNT(redact),
        "{\"to\":\"jane.doe@example.com\", \"card\": 4111111111111111 ,\"n\":12,\"falcon\":true}",
        true, ERR_OK,
        "{\"to\":\"<EMAIL 1 ecom>\", \"card\": \"<CREDIT_CARD 1 1111>\" ,\"n\":12,\"[...]\":true}");
    /* Escapes hide nothing, and a string's end is a boundary. */
    expect(redact, COUNT(redact), "{\"a\":\"j\\u0061ne.doe\\u0040example.com\"}", true, ERR_OK,
           "{\"a\":\"<EMAIL 1 ecom>\"}");
    expect(redact, COUNT(redact), "[\"secret \",\"project\"]", true, ERR_OK,
           "[\"secret \",\"project\"]");
    expect(redact, COUNT(redact), "{\"a\":\"\\ud83d\\ude00\\u0009\\u0000\\/\"}", true, ERR_OK,
           "{\"a\":\"\xf0\x9f\x98\x80\\t\\u0000/\"}");
    /* What is no JSON is text. */
    expect(redact, COUNT(redact), "see jane.doe@example.com", true, ERR_OK, "see <EMAIL 1 ecom>");
    expect(redact, COUNT(redact), "[4111 1111 1111 1111]", true, ERR_OK, "[<CREDIT_CARD 1 1111>]");
    expect(redact, COUNT(redact), "{\"a\":\"jane.doe@exam", true, ERR_OK, "{\"a\":\"jane.doe@exam");
    expect(block, COUNT(block), "{\"a\":\"x\",\"b\":\"to jane.doe@example.com\"}", true, ERR_DENIED,
           "{\"a\":\"x\",\"b\":\"to ");
}

/* All sound JSON stays JSON, with the same members. */
static void test_structure_is_kept(void **state)
{
    (void)state;
    size_t sound = 0;
    for (size_t i = 0; i < COUNT(actions); i++) {
        struct world w;
        world_init(&w, actions[i].rules, actions[i].count);
        for (size_t k = 0; k < COUNT(arguments); k++) {
            struct arena a;
            struct json_doc before;
            struct json_doc after;
            struct issue issue;
            arena_init(&a, 1U << 20);
            struct str got = play(&w, arguments[k], true, NULL, 0);
            if (w.err == ERR_OK &&
                json_parse(&a, arguments[k], &json_limits_default, &before, &issue) == ERR_OK) {
                sound++;
                assert_int_equal(json_parse(&a, got, &json_limits_default, &after, &issue), ERR_OK);
                assert_int_equal(count_values(before.root), count_values(after.root));
            }
            arena_fini(&a);
        }
        world_fini(&w);
    }
    assert_true(sound > 30);
}

/* ---- a stream and a body ----------------------------------------------------------------- */

/* The same text as a member of a JSON answer: what takes its place there. */
static struct str in_a_body(struct world *w, struct str text, bool is_json, enum err *ret_err)
{
    struct llm_text whole = {.value = text,
                             .span = {0, 1},
                             .pointer = STR("/choices/0/message/content"),
                             .role = LLM_ROLE_ASSISTANT,
                             .is_json = is_json};
    const struct llm_edit *edits;
    size_t count;
    struct json_doc doc;
    begin(w);
    assert_int_equal(content_response_add(w->check, &whole), ERR_OK);
    while ((*ret_err = content_run(w->check, 4096)) == ERR_AGAIN) {
    }
    assert_int_equal(*ret_err, ERR_OK);
    if (content_effect(w->check, CONTENT_RESPONSE) == CONTENT_BLOCK) {
        *ret_err = ERR_DENIED;
        return STR_NONE;
    }
    assert_int_equal(content_edits(w->check, &edits, &count), ERR_OK);
    if (count == 0) {
        return text;
    }
    assert_int_equal(json_parse(&w->arena, edits[0].with, &json_limits_default, &doc, NULL),
                     ERR_OK);
    return json_str(doc.root);
}

/* JSON as a reader sees it, however it is written. */
static struct str plain_json(struct arena *a, struct str text)
{
    struct json_doc doc;
    struct buf b;
    if (json_parse(a, text, &json_limits_default, &doc, NULL) != ERR_OK) {
        return text;
    }
    buf_init(&b, 1U << 20);
    json_write_val(&b, doc.root);
    struct str ret = arena_str(a, buf_str(&b));
    buf_fini(&b);
    return ret;
}

static bool is_sound(struct arena *a, struct str text, bool is_json)
{
    struct json_doc doc;
    return text.len > 0 &&
           (is_json ? json_parse(a, text, &json_limits_default, &doc, NULL) == ERR_OK
                    : str_is_utf8(text));
}

/* What only folding finds is the same in both. */
static void test_a_stream_says_what_a_body_would(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(actions); i++) {
        struct world w;
        struct arena a;
        world_init(&w, actions[i].rules, actions[i].count);
        arena_init(&a, 1U << 24);
        for (size_t k = 0; k < COUNT(texts) + COUNT(arguments); k++) {
            bool is_json = k >= COUNT(texts);
            struct str text = is_json ? arguments[k - COUNT(texts)] : texts[k];
            enum err err;
            if (!is_sound(&a, text, is_json)) {
                continue;
            }
            struct str body = arena_str(&a, in_a_body(&w, text, is_json, &err));
            uint64_t edits = content_edits_count(w.check, CONTENT_RESPONSE);
            struct str stream = play(&w, text, is_json, NULL, 0);
            assert_int_equal(w.err, err);
            if (err == ERR_OK) {
                assert_true(str_eq(is_json ? plain_json(&a, stream) : stream,
                                   is_json ? plain_json(&a, body) : body));
                assert_int_equal(content_edits_count(w.check, CONTENT_RESPONSE), edits);
            }
        }
        arena_fini(&a);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut_gives_the_same),
        cmocka_unit_test(test_random_cuts_of_long_texts),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_too_many_encodings),
        cmocka_unit_test(test_arguments_stay_json),
        cmocka_unit_test(test_structure_is_kept),
        cmocka_unit_test(test_a_stream_says_what_a_body_would),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
