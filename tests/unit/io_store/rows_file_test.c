/* SPDX-License-Identifier: Apache-2.0
 *
 * The copy on disk: an organisation with everything an organisation can have comes back
 * the same and compiles; anything cut, changed, mixed or of another key does not.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "portcullis/codec.h"
#include "portcullis/store.h"

#include "../../support/catalog.h"

struct room {
    struct buf providers, models;
    struct route_catalog *catalog;
    struct store_secrets secrets;
    struct arena arena;
    struct issue issue;
};

static int setup(void **state)
{
    static struct room r;
    uint8_t master[32];
    memset(master, 7, sizeof(master));
    catalog_file_read("providers.json", &r.providers);
    catalog_file_read("models.json", &r.models);
    assert_int_equal(route_catalog_new(buf_str(&r.providers), buf_str(&r.models), &r.catalog,
                                       &r.issue), ERR_OK);
    store_secrets_derive(master, &r.secrets);
    arena_init(&r.arena, (size_t)256 << 20);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct room *r = *state;
    arena_fini(&r->arena);
    route_catalog_free(r->catalog);
    buf_fini(&r->providers);
    buf_fini(&r->models);
    return 0;
}

static const char first_policy[] =
    "{\"id\":\"pol_01J9ZQ5N3V8X2K4M6P8R0T2W4Y\",\"org_id\":\"org_a\",\"name\":\"No \\u00fc\\\"x\","
    "\"description\":\"why\",\"origin\":\"governance\",\"scope\":{\"level\":\"team\","
    "\"team\":\"red\",\"role\":\"member\"},\"match\":{\"endpoints\":[\"chat\"],"
    "\"tags\":{\"tier\":\"gold\"}},\"status\":\"active\",\"mode\":\"enforce\",\"priority\":7,"
    "\"selection\":\"always\",\"locked\":true,\"overrides\":[\"r9\"],\"rules\":[{\"key\":\"r1\","
    "\"type\":\"provider_requirement\",\"effect\":\"block\",\"severity\":\"violation\","
    "\"stage\":\"select\","
    "\"params\":{\"require\":[\"soc2\",\"baa\"],\"block_countries\":[\"CN\"]}}]}";
static const char second_policy[] =
    "{\"id\":\"pol_01J9ZQ5N3V8X2K4M6P8R0T2W4Z\",\"org_id\":\"org_a\",\"name\":\"Slot\","
    "\"scope\":{\"level\":\"org\"},\"selection\":\"slot\",\"slot\":4,\"is_default\":true,"
    "\"rules\":[{\"key\":\"p\",\"type\":\"pii\",\"effect\":\"modify\",\"stage\":\"both\","
    "\"params\":{"
    "\"types\":[\"email\",\"CASE\"],\"method\":\"mask\",\"entities\":[{\"name\":\"CASE\","
    "\"pattern\":\"C-[0-9]+\",\"context\":[\"case\"]}],\"except\":[\"a@b.example\"],"
    "\"threshold\":0.7}}]}";

static void rich_rows(struct room *r, struct policy_org_rows *o)
{
    static struct policy policies[2];
    static struct policy_key_row keys[3];
    static struct route_attestation attestations[2];
    static struct route_endpoint endpoints[2];
    static const struct str models[] = {STR_INIT("gpt-4o"), STR_INIT("")};
    static const struct policy_pair metadata[] = {{STR_INIT("cost"), STR_INIT("77")},
                                                  {STR_INIT("empty"), STR_INIT("")}};
    memset(keys, 0, sizeof(keys));
    memset(endpoints, 0, sizeof(endpoints));
    const char *const bodies[] = {first_policy, second_policy};
    for (size_t i = 0; i < 2; i++) {
        enum err e = codec_canonical_parse(&r->arena, str_from(bodies[i]), r->catalog,
                                           &policies[i], &r->issue);
        if (e != ERR_OK) {
            print_error("%s: %s\n", r->issue.pointer, r->issue.message);
        }
        assert_int_equal(e, ERR_OK);
        policies[i].version = 3 + (uint32_t)i;
        policies[i].created_at_ms = 1700000000123;
        policies[i].updated_at_ms = 1700000009999;
        policies[i].created_by = STR("usr_1");
    }
    keys[0] = (struct policy_key_row){.id = STR("aaaaaaaaaaaa"), .has_previous = true,
                                      .previous_until_s = 1800000000, .not_before_s = 5,
                                      .expires_at_s = 1900000000, .name = STR("ci \xc3\xbc"),
                                      .team = STR("red"), .environment = STR("prod"),
                                      .project = STR("p"), .user = STR("u"), .role = STR("admin"),
                                      .user_email = STR("u@example.com"), .may_call = true,
                                      .may_manage = true, .slots = 0x1ffe, .pinned_slot = 12,
                                      .may_narrow = true,
                                      .error_format = POLICY_ERROR_OPENAI,
                                      .models = {models, 2, true},
                                      .metadata = metadata, .metadata_count = 2};
    memset(keys[0].secret_hmac, 0xa1, 32);
    memset(keys[0].previous_hmac, 0xa2, 32);
    keys[1] = (struct policy_key_row){.id = STR("bbbbbbbbbbbb"), .is_revoked = true};
    keys[2] = (struct policy_key_row){.id = STR("cccccccccccc"), .may_call = true,
                                      .models = {NULL, 0, true}};
    attestations[0] = (struct route_attestation){3, ROUTE_BAA, true, 1700000000, 0};
    attestations[1] = (struct route_attestation){1, ROUTE_EU_REGION, false, -1, 1900000000};
    for (size_t i = 0; i < 2; i++) {
        struct route_endpoint *e = &endpoints[i];
        e->id = i == 0 ? STR("ep_1") : STR("ep_2");
        e->provider = (unsigned)i;
        e->base_url = i == 0 ? STR("https://api.example.com/v1") : STR("http://127.0.0.1:8080");
        e->credential = i == 0 ? STR("sk-very-secret-credential") : STR_NONE;
        e->credential_id = i == 0 ? STR("ep_1/4") : STR("ep_2/1");
        e->ca_file = i == 0 ? STR_NONE : STR("/etc/ca.pem");
        e->dialect = i == 0 ? LLM_OPENAI : LLM_ANTHROPIC;
        e->priority = 100 * (unsigned)i;
        assert_int_equal(wire_url_parse(&r->arena, e->base_url, true, &e->url, &r->issue), ERR_OK);
    }
    *o = (struct policy_org_rows){.id = STR("org_a"), .name = STR("A & B"), .seq = 4711,
                                  .is_suspended = false,
                                  .slot_selection = POLICY_SLOT_STRICTER_ONLY,
                                  .error_format = POLICY_ERROR_POLICY,
                                  .policies = policies, .policies_count = 2, .keys = keys,
                                  .keys_count = 3, .attestations = attestations,
                                  .attestations_count = 2, .endpoints = endpoints,
                                  .endpoints_count = 2};
}

static void check_policies(const struct policy_org_rows *a, const struct policy_org_rows *b)
{
    assert_int_equal(a->policies_count, b->policies_count);
    for (size_t i = 0; i < a->policies_count; i++) {
        struct buf x, y;
        buf_init(&x, 1 << 20);
        buf_init(&y, 1 << 20);
        codec_canonical_write(&x, &a->policies[i]);
        codec_canonical_write(&y, &b->policies[i]);
        assert_true(x.len > 50 && str_eq(buf_str(&x), buf_str(&y)));
        assert_true(str_eq(a->policies[i].id, b->policies[i].id));
        assert_int_equal(a->policies[i].created_at_ms, b->policies[i].created_at_ms);
        assert_int_equal(a->policies[i].updated_at_ms, b->policies[i].updated_at_ms);
        buf_fini(&x);
        buf_fini(&y);
    }
}

static void check_keys(const struct policy_org_rows *a, const struct policy_org_rows *b)
{
    assert_int_equal(a->keys_count, b->keys_count);
    for (size_t i = 0; i < a->keys_count; i++) {
        const struct policy_key_row *x = &a->keys[i], *y = &b->keys[i];
        assert_true(str_eq(x->id, y->id) && str_eq(x->name, y->name) && str_eq(x->team, y->team));
        assert_true(str_eq(x->environment, y->environment) && str_eq(x->project, y->project));
        assert_true(str_eq(x->user, y->user) && str_eq(x->role, y->role));
        assert_true(str_eq(x->user_email, y->user_email));
        assert_memory_equal(x->secret_hmac, y->secret_hmac, 32);
        assert_memory_equal(x->previous_hmac, y->previous_hmac, 32);
        assert_true(x->has_previous == y->has_previous && x->is_revoked == y->is_revoked);
        assert_true(x->previous_until_s == y->previous_until_s);
        assert_true(x->not_before_s == y->not_before_s && x->expires_at_s == y->expires_at_s);
        assert_true(x->may_call == y->may_call && x->may_manage == y->may_manage);
        assert_true(x->may_narrow == y->may_narrow && x->slots == y->slots);
        assert_int_equal(x->error_format, y->error_format);
        assert_int_equal(x->pinned_slot, y->pinned_slot);
        assert_true(x->models.is_set == y->models.is_set && x->models.count == y->models.count);
        for (size_t m = 0; m < x->models.count; m++) {
            assert_true(str_eq(x->models.items[m], y->models.items[m]));
        }
        assert_int_equal(x->metadata_count, y->metadata_count);
        for (size_t m = 0; m < x->metadata_count; m++) {
            assert_true(str_eq(x->metadata[m].name, y->metadata[m].name));
            assert_true(str_eq(x->metadata[m].value, y->metadata[m].value));
        }
    }
}

static void check_reach(const struct policy_org_rows *a, const struct policy_org_rows *b)
{
    assert_int_equal(a->attestations_count, b->attestations_count);
    for (size_t i = 0; i < a->attestations_count; i++) {
        assert_int_equal(a->attestations[i].provider, b->attestations[i].provider);
        assert_int_equal(a->attestations[i].attribute, b->attestations[i].attribute);
        assert_int_equal(a->attestations[i].value, b->attestations[i].value);
        assert_int_equal(a->attestations[i].valid_from_s, b->attestations[i].valid_from_s);
        assert_int_equal(a->attestations[i].valid_until_s, b->attestations[i].valid_until_s);
    }
    assert_int_equal(a->endpoints_count, b->endpoints_count);
    for (size_t i = 0; i < a->endpoints_count; i++) {
        const struct route_endpoint *x = &a->endpoints[i], *y = &b->endpoints[i];
        assert_true(str_eq(x->id, y->id) && str_eq(x->base_url, y->base_url));
        assert_true(str_eq(x->credential, y->credential) && str_eq(x->ca_file, y->ca_file));
        assert_true((x->credential.ptr == NULL) == (y->credential.ptr == NULL));
        assert_true(str_eq(x->credential_id, y->credential_id));
        assert_true(x->provider == y->provider && x->dialect == y->dialect);
        assert_true(x->priority == y->priority && x->url.port == y->url.port);
        assert_true(str_eq(x->url.host, y->url.host) && x->url.is_tls == y->url.is_tls);
    }
}

static void everything_comes_back(void **state)
{
    struct room *r = *state;
    struct policy_org_rows rows, back;
    struct buf bytes, again;
    rich_rows(r, &rows);
    buf_init(&bytes, 1 << 20);
    buf_init(&again, 1 << 20);
    assert_int_equal(store_org_rows_write(&bytes, &rows, r->catalog), ERR_OK);
    assert_int_equal(store_org_rows_read(&r->arena, buf_str(&bytes), r->catalog, &back, &r->issue),
                     ERR_OK);
    ASSERT_STR(back.id, "org_a");
    ASSERT_STR(back.name, "A & B");
    assert_int_equal(back.seq, 4711);
    assert_int_equal(back.slot_selection, POLICY_SLOT_STRICTER_ONLY);
    assert_int_equal(back.error_format, POLICY_ERROR_POLICY);
    check_policies(&rows, &back);
    check_keys(&rows, &back);
    check_reach(&rows, &back);
    assert_int_equal(store_org_rows_write(&again, &back, r->catalog), ERR_OK);
    assert_true(str_eq(buf_str(&bytes), buf_str(&again)));
    struct policy_org *org;
    struct scan_engine *engine;
    assert_int_equal(scan_engine_new(&engine), ERR_OK);
    const struct policy_build build = {
        .catalog = r->catalog, .now_s = 1750000000, .engine = engine};
    assert_int_equal(policy_org_new(&back, &build, &org, &r->issue), ERR_OK);
    assert_int_equal(policy_org_seq(org), 4711);
    assert_int_equal(content_rules_count(policy_org_content(org)), 1);
    policy_org_unref(org);
    scan_engine_free(engine);
    buf_fini(&bytes);
    buf_fini(&again);
}

static void an_empty_organisation_comes_back(void **state)
{
    struct room *r = *state;
    struct policy_org_rows rows = {.id = STR("org_b"), .is_suspended = true}, back;
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    assert_int_equal(store_org_rows_write(&bytes, &rows, r->catalog), ERR_OK);
    assert_int_equal(store_org_rows_read(&r->arena, buf_str(&bytes), r->catalog, &back, &r->issue),
                     ERR_OK);
    assert_true(back.is_suspended && back.name.ptr == NULL);
    assert_int_equal(back.policies_count + back.keys_count + back.endpoints_count, 0);
    buf_fini(&bytes);
    buf_init(&bytes, 10);
    assert_int_equal(store_org_rows_write(&bytes, &rows, r->catalog), ERR_LIMIT);
    buf_fini(&bytes);
}

/* No prefix is rows; a changed byte is refused or reads as some rows, in bounds. */
static void every_truncation_of_rows_is_refused(void **state)
{
    struct room *r = *state;
    struct policy_org_rows rows, back;
    struct buf bytes;
    struct arena a;
    rich_rows(r, &rows);
    buf_init(&bytes, 1 << 20);
    arena_init(&a, (size_t)64 << 20);
    assert_int_equal(store_org_rows_write(&bytes, &rows, r->catalog), ERR_OK);
    for (size_t cut = 0; cut < bytes.len; cut++) {
        char *copy = malloc(cut + 1); /* exact, so that a read behind it is seen */
        assert_non_null(copy);
        memcpy(copy, bytes.ptr, cut);
        assert_int_not_equal(store_org_rows_read(&a, (struct str){copy, cut}, r->catalog, &back,
                                                 &r->issue), ERR_OK);
        free(copy);
        arena_reset(&a);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] = (char)(bytes.ptr[i] ^ 0xff);
        enum err e = store_org_rows_read(&a, buf_str(&bytes), r->catalog, &back, &r->issue);
        assert_true(i != 0 || e == ERR_CORRUPT);
        bytes.ptr[i] = (char)(bytes.ptr[i] ^ 0xff);
        arena_reset(&a);
    }
    buf_add_byte(&bytes, 'x');
    assert_int_equal(store_org_rows_read(&a, buf_str(&bytes), r->catalog, &back, &r->issue),
                     ERR_CORRUPT);
    arena_fini(&a);
    buf_fini(&bytes);
}

struct sealed {
    struct buf orgs[3];
    struct str views[3];
    struct store_snapshot snapshot;
    struct buf file;
};

static void sealed_init(struct room *r, struct sealed *s, uint64_t epoch)
{
    static const struct str ids[] = {STR_INIT("org_a"), STR_INIT("org_b"), STR_INIT("org_c")};
    for (size_t i = 0; i < 3; i++) {
        struct policy_org_rows rows;
        rich_rows(r, &rows);
        rows.id = ids[i];
        rows.seq = epoch + i;
        buf_init(&s->orgs[i], 1 << 20);
        assert_int_equal(store_org_seal(&r->secrets, &rows, r->catalog, &s->orgs[i]), ERR_OK);
        s->views[i] = buf_str(&s->orgs[i]);
    }
    s->snapshot = (struct store_snapshot){epoch, 1700000000000 + (int64_t)epoch, s->views, 3};
    buf_init(&s->file, 1 << 20);
    assert_int_equal(store_snapshot_write(&r->secrets, &s->snapshot, &s->file), ERR_OK);
}

static void sealed_fini(struct sealed *s)
{
    for (size_t i = 0; i < 3; i++) {
        buf_fini(&s->orgs[i]);
    }
    buf_fini(&s->file);
}

static void a_sealed_snapshot_comes_back(void **state)
{
    struct room *r = *state;
    struct sealed s;
    struct store_snapshot back;
    sealed_init(r, &s, 90);
    assert_true(str_find_str(buf_str(&s.file), STR("very-secret")) < 0);
    assert_true(str_find_str(buf_str(&s.file), STR("org_a")) < 0);
    assert_int_equal(store_snapshot_read(&r->secrets, &r->arena, buf_str(&s.file), &back), ERR_OK);
    assert_int_equal(back.epoch, 90);
    assert_int_equal(back.fresh_ms, 1700000000090);
    assert_int_equal(back.orgs_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct policy_org_rows rows;
        struct buf plain;
        buf_init(&plain, 1 << 20);
        assert_int_equal(store_org_unseal(&r->secrets, back.orgs[i], &plain), ERR_OK);
        assert_int_equal(store_org_rows_read(&r->arena, buf_str(&plain), r->catalog, &rows,
                                             &r->issue), ERR_OK);
        assert_int_equal(rows.seq, 90 + i);
        ASSERT_STR(rows.endpoints[0].credential, "sk-very-secret-credential");
        buf_fini(&plain);
    }
    struct store_snapshot none = {.epoch = 1};
    buf_clear(&s.file);
    assert_int_equal(store_snapshot_write(&r->secrets, &none, &s.file), ERR_OK);
    assert_int_equal(store_snapshot_read(&r->secrets, &r->arena, buf_str(&s.file), &back), ERR_OK);
    assert_int_equal(back.orgs_count, 0);
    sealed_fini(&s);
}

static void refuses_another_key(void **state)
{
    struct room *r = *state;
    struct sealed s;
    struct store_snapshot back;
    struct store_secrets other = r->secrets;
    struct buf plain;
    sealed_init(r, &s, 90);
    other.sealing[31] ^= 1;
    buf_init(&plain, 1 << 20);
    assert_int_equal(store_snapshot_read(&other, &r->arena, buf_str(&s.file), &back), ERR_CORRUPT);
    assert_int_equal(back.orgs_count, 0);
    assert_int_not_equal(store_org_unseal(&other, s.views[0], &plain), ERR_OK);
    buf_fini(&plain);
    sealed_fini(&s);
}

/* Refused by the file's MAC, or, inside an organisation's body, by its own tag. */
static bool is_refused(struct room *r, struct str file)
{
    struct store_snapshot back;
    struct arena a;
    arena_init(&a, 1 << 20);
    bool is_bad = store_snapshot_read(&r->secrets, &a, file, &back) != ERR_OK;
    for (size_t i = 0; !is_bad && i < back.orgs_count; i++) {
        struct buf plain;
        buf_init(&plain, 1 << 20);
        is_bad = store_org_unseal(&r->secrets, back.orgs[i], &plain) != ERR_OK;
        buf_fini(&plain);
    }
    arena_fini(&a);
    return is_bad;
}

static void every_cut_and_change_of_the_file_is_refused(void **state)
{
    struct room *r = *state;
    struct sealed s;
    sealed_init(r, &s, 90);
    for (size_t cut = 0; cut < s.file.len; cut++) {
        assert_true(is_refused(r, str_sub(buf_str(&s.file), 0, cut)));
    }
    for (size_t i = 0; i < s.file.len; i++) {
        s.file.ptr[i] = (char)(s.file.ptr[i] ^ (1 << i % 8));
        assert_true(is_refused(r, buf_str(&s.file)));
        s.file.ptr[i] = (char)(s.file.ptr[i] ^ (1 << i % 8));
    }
    assert_false(is_refused(r, buf_str(&s.file)));
    buf_add_byte(&s.file, 'x');
    assert_true(is_refused(r, buf_str(&s.file)));
    sealed_fini(&s);
}

/* Whole organisations of one key, put together by somebody without the key. */
static void a_patchwork_is_refused(void **state)
{
    struct room *r = *state;
    struct sealed old, new;
    struct buf file;
    sealed_init(r, &old, 80);
    sealed_init(r, &new, 90);
    size_t one = 4 + new.views[0].len; /* all are of one length */
    assert_int_equal(new.file.len, 28 + 3 * one + 32);
    buf_init(&file, 1 << 20);
    for (size_t i = 0; i < 3; i++) { /* an older version of one */
        buf_clear(&file);
        buf_add(&file, buf_str(&new.file));
        memcpy(file.ptr + 28 + i * one, old.file.ptr + 28 + i * one, one);
        assert_true(is_refused(r, buf_str(&file)));
    }
    buf_clear(&file); /* another order */
    buf_add(&file, buf_str(&new.file));
    memcpy(file.ptr + 28, new.file.ptr + 28 + one, one);
    memcpy(file.ptr + 28 + one, new.file.ptr + 28, one);
    assert_true(is_refused(r, buf_str(&file)));
    buf_clear(&file); /* one less */
    buf_add(&file, str_sub(buf_str(&new.file), 0, 28 + 2 * one));
    buf_add(&file, str_sub(buf_str(&new.file), 28 + 3 * one, new.file.len));
    file.ptr[24] = 2;
    assert_true(is_refused(r, buf_str(&file)));
    buf_clear(&file); /* what no organisation is behind them */
    buf_add(&file, str_sub(buf_str(&new.file), 0, 28 + 3 * one));
    buf_add(&file, STR("x"));
    buf_add(&file, str_sub(buf_str(&new.file), 28 + 3 * one, new.file.len));
    assert_true(is_refused(r, buf_str(&file)));
    buf_clear(&file); /* made to look fresh */
    buf_add(&file, buf_str(&new.file));
    file.ptr[18] = (char)(file.ptr[18] + 1);
    assert_true(is_refused(r, buf_str(&file)));
    buf_fini(&file);
    sealed_fini(&old);
    sealed_fini(&new);
}

static void the_time_belongs_to_one_file(void **state)
{
    struct room *r = *state;
    struct sealed one, other;
    struct buf times;
    int64_t fresh_ms = 0;
    struct store_secrets wrong = r->secrets;
    wrong.sealing[0] ^= 1;
    sealed_init(r, &one, 80);
    sealed_init(r, &other, 80);
    struct str one_name = str_sub(buf_str(&one.file), one.file.len - STORE_SNAPSHOT_NAME_BYTES,
                                  one.file.len);
    struct str other_name = str_sub(buf_str(&other.file),
                                    other.file.len - STORE_SNAPSHOT_NAME_BYTES, other.file.len);
    buf_init(&times, 1000);
    assert_int_equal(store_snapshot_time_write(&r->secrets, one_name, 12345, &times),
                     ERR_OK);
    assert_int_equal(store_snapshot_time_read(&r->secrets, one_name, buf_str(&times),
                                              &fresh_ms), ERR_OK);
    assert_int_equal(fresh_ms, 12345);
    assert_int_equal(store_snapshot_time_read(&r->secrets, other_name, buf_str(&times),
                                              &fresh_ms), ERR_STALE);
    assert_int_equal(store_snapshot_time_read(&wrong, one_name, buf_str(&times),
                                              &fresh_ms), ERR_CORRUPT);
    for (size_t i = 0; i < times.len; i++) {
        assert_int_equal(store_snapshot_time_read(&r->secrets, one_name,
                                                  str_sub(buf_str(&times), 0, i), &fresh_ms),
                         ERR_CORRUPT);
        times.ptr[i] = (char)(times.ptr[i] ^ 4);
        assert_int_equal(store_snapshot_time_read(&r->secrets, one_name,
                                                  buf_str(&times), &fresh_ms), ERR_CORRUPT);
        times.ptr[i] = (char)(times.ptr[i] ^ 4);
    }
    assert_int_equal(fresh_ms, 12345);
    buf_fini(&times);
    sealed_fini(&one);
    sealed_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(an_empty_organisation_comes_back),
        cmocka_unit_test(every_truncation_of_rows_is_refused),
        cmocka_unit_test(a_sealed_snapshot_comes_back),
        cmocka_unit_test(refuses_another_key),
        cmocka_unit_test(every_cut_and_change_of_the_file_is_refused),
        cmocka_unit_test(a_patchwork_is_refused),
        cmocka_unit_test(the_time_belongs_to_one_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
