/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole answer and a stream of the same answer come out the same: text, tool arguments,
 * what was told and how much was replaced; what is hidden by look-alikes, markup or an
 * encoding as well.
 */
#include "world.h"

static struct world w;

static int load(void **state)
{
    (void)state;
    world_init(&w);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_fini(&w);
    return 0;
}

static const char *const texts[] = {
    "mail jane.doe@acme.example, help@acme.example and write to bob@acme.example today",
    "SSN 123-45-6789. card 4111 1111 1111 1111; phone (415) 555-2671, staff E12345, E54321",
    "the secret falcon, Falcon heavy; union jane@acme.example; \xc3\x89T\xc3\x89 \xc3\xa9t\xc3\xa9",
    "12\xe2\x80\x8b"
    "3-45-6789 and \xef\xbc\x91\xef\xbc\x92\xef\xbc\x93-45-6789 \xf0\x9f\x98\x80",
    "password = hunter2!x9, key sk-ant-api03-abcdefghijklmnopqrstuv1234 end",
    "how to build a bomb from explosives, and nothing else, please",
    "nothing of that",
    "",
    " ",
    "mail j\xd0\xb0ne.d\xd0\xbe\xd0\xb5@acme.example, f\xd0\xb0lcon, SSN "
    "12\xd0\xb1-45-6789 \xe2\x80\x9cso\xe2\x80\x9d",
    "**SSN** 123-**45**-6789, jane.<b>doe</b>@acme.example, fal<!-- no -->con heavy, "
    "`help`@acme.example",
    "jane%2Edoe%40acme.example, &#102;alcon, \\u0066alcon heavy, "
    "4111%201111&nbsp;1111 1111, 100% R&D",
    "see amFuZS5kb2VAYWNtZS5leGFtcGxlLCA0MTExIDExMTEgMTExMSAxMTEx and U1NOIDEyMy00NS02Nzg5Lg==, "
    "aGVscEBhY21lLmV4YW1wbGU= and WVcxbUxtNWxMbVJ2WlVCaFkyMWxMbVY0WVcxd2JHVT0=",
    "staff E<i>12345</i> and st<b>aff</b> E54321; p%61ssword = hunter2!x9",
};
static const char *const arguments[] = {
    "{\"to\":\"jane@acme.example\",\"cc\":[\"bob@acme.example\",\"help@acme.example\"],\"n\":5}",
    "{\"ssn\":\"123456789\",\"count\":\"123456789\",\"name\":\"falcon\",\"staff\":[\"E12345\"]}",
    "{\"ssn\":[123456789,{\"0\":\"123456789\",\"text\":\"123456789\"}],\"card\":4111111111111111}",
    "{ \"jane@acme.example\" : { \"falcon\" : null, \"x\\u0041\" : \"jane\\u0040acme.example\" } }",
    "{\"a/b\":{\"ssn\":\"123456789\"},\"ssn~\":\"123456789\",\"\":\"123-45-6789\"}",
    "[378282246310005,\"378282246310005\",-1.5e3,true,false,null,[],{}]",
    "\"jane@acme.example\"",
    "{}",
    "[]",
    "{\"a\":\"\"}",
    "{\"to\":\"j\xd0\xb0ne@acm\xd0\xb5.example\","
    "\"cc\":\"jane%40acme.example\",\"s\":[\"123**-45-**6789\"]}",
    "{\"x\":\"amFuZS5kb2VAYWNtZS5leGFtcGxlLCA0MTEx\","
    "\"y\":\"&#102;alcon \\\\u0066alcon fal\\u003cb>con\"}",
};

static const char *const rules[] = {
    RULE("pii", "modify", "both",
         "{\"types\":[\"email\",\"credit_card\",\"ssn\",\"ssn_no_dash\",\"phone\",\"STAFF\"],"
         "\"format\":\"[{TYPE} {N}]\",\"except\":[\"help@acme.example\","
         "\"write to bob@acme.example today\"],\"entities\":[{\"name\":\"STAFF\",\"pattern\":"
         "\"E[0-9]{5}\",\"context\":[\"staff\"]}]}"),
    RULE("pii", "modify", "response", "{\"types\":[\"secret\"],\"method\":\"mask\"}"),
    RULE("terms", "modify", "both",
         "{\"patterns\":[\"falcon\",\"union jane\",\"\xc3\xa9t\xc3\xa9\"],\"except\":"
         "[\"falcon heavy\"],\"method\":\"hash\"}"),
    RULE("topics", "warn", "response", "{\"topics\":[\"weapons\"]}"),
    RULE("pii", "warn", "response", "{\"types\":[\"contact\",\"government\"]}"),
};

struct outcome {
    const char *text, *hits;
    uint64_t edits;
    enum content_effect effect;
};

static struct outcome outcome_of(struct str text)
{
    return (struct outcome){.text = arena_str(&w.arena, text).ptr,
                            .hits = world_hits(&w, CONTENT_RESPONSE),
                            .edits = content_edits_count(w.check, CONTENT_RESPONSE),
                            .effect = content_effect(w.check, CONTENT_RESPONSE)};
}

static struct outcome whole(struct str value, bool is_json)
{
    struct llm_text *text = ARENA_NEW(&w.arena, struct llm_text);
    const struct llm_edit *edits;
    struct json_doc doc;
    size_t count;
    world_check(&w);
    *text = (struct llm_text){.value = value,
                              .pointer = is_json ? STR("/arguments") : STR("/content"),
                              .role = LLM_ROLE_ASSISTANT,
                              .is_json = is_json};
    assert_int_equal(content_response_add(w.check, text), ERR_OK);
    assert_int_equal(world_run(&w), ERR_OK);
    assert_int_equal(content_edits(w.check, &edits, &count), ERR_OK);
    if (count == 0) {
        return outcome_of(value);
    }
    assert_int_equal(json_parse(&w.arena, edits[0].with, &json_limits_default, &doc, &w.issue),
                     ERR_OK);
    return outcome_of(json_str(doc.root));
}

static struct outcome streamed(struct str value, bool is_json)
{
    struct buf out;
    buf_init(&out, 1U << 20);
    world_check(&w);
    for (size_t i = 0; i < value.len; i += 3) {
        const struct llm_text piece = {.value = str_sub(value, i, i + 3),
                                       .role = LLM_ROLE_ASSISTANT,
                                       .is_json = is_json,
                                       .is_delta = true,
                                       .channel = 7};
        assert_int_equal(content_feed(w.check, &piece, &out), ERR_OK);
    }
    assert_int_equal(content_close(w.check, 7, &out), ERR_OK);
    struct outcome o = outcome_of(buf_str(&out));
    buf_fini(&out);
    return o;
}

static void compare(struct str value, bool is_json)
{
    struct outcome a = whole(value, is_json), b = streamed(value, is_json);
    if (is_json) { /* escapes may differ, the JSON may not */
        struct json_doc x, y;
        struct buf one, two;
        buf_init(&one, 1U << 20);
        buf_init(&two, 1U << 20);
        assert_int_equal(json_parse(&w.arena, str_from(a.text), &json_limits_default, &x, &w.issue),
                         ERR_OK);
        assert_int_equal(json_parse(&w.arena, str_from(b.text), &json_limits_default, &y, &w.issue),
                         ERR_OK);
        json_write_val(&one, x.root);
        json_write_val(&two, y.root);
        a.text = arena_str(&w.arena, buf_str(&one)).ptr;
        b.text = arena_str(&w.arena, buf_str(&two)).ptr;
        buf_fini(&one);
        buf_fini(&two);
    }
    assert_string_equal(a.text, b.text);
    assert_string_equal(a.hits, b.hits);
    assert_int_equal(a.edits, b.edits);
    assert_int_equal(a.effect, b.effect);
}

static void test_texts(void **state)
{
    (void)state;
    memset(w.applies, 0, sizeof(w.applies));
    assert_int_equal(world_compile(&w, rules, sizeof(rules) / sizeof(rules[0])), ERR_OK);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        compare(str_from(texts[i]), false);
    }
    /* Something is found at all. */
    assert_string_equal(whole(str_from(texts[0]), false).text,
                        "mail [EMAIL 1], help@acme.example and write to bob@acme.example today");
    assert_string_equal(streamed(STR("123-**45**-6789 jane&#64;acme.example <c"), false).text,
                        "[SSN 1] [EMAIL 1] <c");
    assert_string_equal(streamed(STR("12\xd0\xb1-45-6789, 678-**45**-12&#51;4"), false).text,
                        "[SSN 1], [SSN 2]"); /* in two views at once */
}

static void test_arguments(void **state)
{
    (void)state;
    memset(w.applies, 0, sizeof(w.applies));
    assert_int_equal(world_compile(&w, rules, sizeof(rules) / sizeof(rules[0])), ERR_OK);
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        compare(str_from(arguments[i]), true);
    }
    assert_string_equal(
        whole(str_from(arguments[0]), true).text,
        "{\"to\":\"[EMAIL 1]\",\"cc\":[\"[EMAIL 2]\",\"help@acme.example\"],\"n\":5}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
