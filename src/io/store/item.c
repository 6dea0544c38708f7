/* SPDX-License-Identifier: Apache-2.0
 *
 * One mechanism for every plain collection (teams, users, keys, endpoints ...): the
 * statement is put together from the collection's own constant table of columns, never
 * from input; values are parameters. The few things that are special about a
 * collection (a credential is sealed, an owner outranks an admin) stand in hooks.
 */
#include "store_private.h"

#define SQL_BYTES_MAX 8192

static void add_columns(struct buf *sql, const struct manage_collection *c);
static enum err read_rows(struct store_job *j, const PGresult *r, int limit);
static enum err run(struct store_job *j, struct buf *sql, struct store_query *q);
static int add_param(struct store_query *q, struct store_param p);
static struct str id_of(const struct store_job *j);
static bool is(const struct store_job *j, const char *table);
static int field_at(const struct manage_collection *c, const char *member);
static bool check_rank(struct store_job *j, struct str role);
static enum err check_user_rank(struct store_job *j, bool *ret_go);
static enum err endpoint_extra(struct store_job *j, struct str id, struct store_extra *extra,
                               int *ret_count);

enum err store_item_list(struct store_job *j)
{
    const struct manage_collection *c = j->c->collection;
    bool is_descending = c->order[0] == '-';
    int limit = (int)(j->c->filter.limit != 0 ? j->c->filter.limit : 100);
    struct store_query q = {.params_count = 0};
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    buf_add(&sql, STR("SELECT "));
    add_columns(&sql, c);
    buf_printf(&sql,
               " FROM portcullis.%s WHERE org_id = $1 AND ($2::text IS NULL OR id %s $2) "
               "ORDER BY id %s LIMIT $3::integer",
               c->table, is_descending ? "<" : ">", is_descending ? "DESC" : "ASC");
    add_param(&q, STORE_P(j->c->caller.org));
    add_param(&q, STORE_P(j->c->filter.cursor));
    add_param(&q, STORE_P(store_text_u64(j->a, (uint64_t)limit + 1)));
    buf_add_byte(&sql, '\0');
    q.sql = sql.ptr;
    PGresult *r = NULL;
    enum err e = sql.err != ERR_OK ? sql.err : store_job_query(j, &q, &r);
    buf_fini(&sql);
    if (e == ERR_OK) {
        e = read_rows(j, r, limit);
    }
    PQclear(r);
    return e;
}

/* "id", to_char(created_at), then every field as text. */
static void add_columns(struct buf *sql, const struct manage_collection *c)
{
    static const char utc[] =
        "to_char(\"%s\" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    buf_add(sql, STR("id, "));
    buf_add(sql, STR("to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"));
    for (size_t i = 0; i < c->fields_count; i++) {
        const struct manage_field *f = &c->fields[i];
        buf_add(sql, STR(", "));
        if (f->type == MANAGE_SECRET) {
            buf_add(sql, STR("NULL"));
        } else if (f->type == MANAGE_TIME) {
            buf_add(sql, str_sub(STR(utc), 0, 9));
            buf_add(sql, str_from(f->member));
            buf_add(sql, str_sub(STR(utc), 11, sizeof(utc) - 1));
        } else {
            buf_printf(sql, "\"%s\"::text", f->member);
        }
    }
}

static enum err read_rows(struct store_job *j, const PGresult *r, int limit)
{
    const struct manage_collection *c = j->c->collection;
    int n = PQntuples(r), shown = n > limit ? limit : n;
    struct manage_row *rows = ARENA_ARRAY(j->a, (size_t)shown, struct manage_row);
    if (rows == NULL) {
        return ERR_MEMORY;
    }
    for (int i = 0; i < shown; i++) {
        rows[i].id = store_col(j->a, r, i, 0);
        rows[i].created_at = store_col(j->a, r, i, 1);
        for (size_t k = 0; k < c->fields_count; k++) {
            rows[i].values[k] = store_col(j->a, r, i, 2 + (int)k);
            if (c->fields[k].type == MANAGE_BOOL && rows[i].values[k].len != 0) {
                rows[i].values[k] = rows[i].values[k].ptr[0] == 't' ? STR("true") : STR("false");
            }
        }
    }
    j->r->rows = rows;
    j->r->rows_count = (size_t)shown;
    if (n > limit) {
        j->r->next_cursor = rows[shown - 1].id;
    }
    return j->a->is_exhausted ? ERR_MEMORY : ERR_OK;
}

enum err store_item_get(struct store_job *j)
{
    const struct manage_collection *c = j->c->collection;
    struct store_query q = {.params_count = 0};
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    buf_add(&sql, STR("SELECT "));
    add_columns(&sql, c);
    buf_printf(&sql, " FROM portcullis.%s WHERE org_id = $1 AND id = $2", c->table);
    add_param(&q, STORE_P(j->c->caller.org));
    add_param(&q, STORE_P(id_of(j)));
    return run(j, &sql, &q);
}

/* One row is expected; none means it does not exist here. Frees sql. */
static enum err run(struct store_job *j, struct buf *sql, struct store_query *q)
{
    PGresult *r = NULL;
    buf_add_byte(sql, '\0');
    q->sql = sql->ptr;
    enum err e = sql->err != ERR_OK ? sql->err : store_job_query(j, q, &r);
    buf_fini(sql);
    if (e == ERR_OK && PQntuples(r) == 0) {
        store_job_not_found(j, j->c->collection->noun);
    } else if (e == ERR_OK) {
        e = read_rows(j, r, 1);
    }
    PQclear(r);
    return e;
}

static int add_param(struct store_query *q, struct store_param p)
{
    ASSERT(q->params_count < STORE_PARAMS_MAX);
    q->params[q->params_count++] = p;
    return q->params_count;
}

/* GET /v1/org has no {id}: the organisation is the caller's. */
static struct str id_of(const struct store_job *j)
{
    return is(j, "orgs") && j->c->id.len == 0 ? j->c->caller.org : j->c->id;
}

static const char *cast_of(enum manage_field_type type)
{
    return type == MANAGE_INT    ? "::integer"
           : type == MANAGE_BOOL ? "::boolean"
           : type == MANAGE_TIME ? "::timestamptz"
                                 : "";
}

enum err store_item_insert(struct store_job *j, struct str id, const struct store_extra *extra,
                           int extra_count)
{
    const struct manage_collection *c = j->c->collection;
    struct store_query q = {.params_count = 0};
    struct buf sql, values;
    buf_init(&sql, SQL_BYTES_MAX);
    buf_init(&values, SQL_BYTES_MAX);
    buf_printf(&sql, "INSERT INTO portcullis.%s (org_id, id", c->table);
    buf_add(&values, STR("$1, $2"));
    add_param(&q, STORE_P(j->c->caller.org));
    add_param(&q, STORE_P(id));
    for (size_t i = 0; i < c->fields_count; i++) {
        const struct manage_field *f = &c->fields[i];
        if (j->c->values[i].is_set && f->type != MANAGE_SECRET) {
            buf_printf(&sql, ", \"%s\"", f->member);
            buf_printf(&values, ", $%d%s", add_param(&q, STORE_P(j->c->values[i].text)),
                       cast_of(f->type));
        }
    }
    for (int i = 0; i < extra_count; i++) {
        buf_printf(&sql, ", %s", extra[i].column);
        buf_printf(&values, ", $%d%s", add_param(&q, extra[i].value), extra[i].cast);
    }
    buf_add(&sql, STR(") VALUES ("));
    buf_add(&sql, buf_str(&values));
    buf_add(&sql, STR(") RETURNING "));
    add_columns(&sql, c);
    enum err values_err = values.err;
    buf_fini(&values);
    if (values_err != ERR_OK) {
        buf_fini(&sql);
        return values_err;
    }
    return run(j, &sql, &q);
}

enum err store_item_update(struct store_job *j, const struct store_extra *extra, int extra_count)
{
    const struct manage_collection *c = j->c->collection;
    struct store_query q = {.params_count = 0};
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    buf_printf(&sql, "UPDATE portcullis.%s SET updated_at = now()", c->table);
    add_param(&q, STORE_P(j->c->caller.org));
    add_param(&q, STORE_P(id_of(j)));
    for (size_t i = 0; i < c->fields_count; i++) {
        const struct manage_field *f = &c->fields[i];
        if (j->c->values[i].is_set && f->type != MANAGE_SECRET) {
            buf_printf(&sql, ", \"%s\" = $%d%s", f->member,
                       add_param(&q, STORE_P(j->c->values[i].text)), cast_of(f->type));
        }
    }
    for (int i = 0; i < extra_count; i++) {
        buf_printf(&sql, ", %s = $%d%s", extra[i].column, add_param(&q, extra[i].value),
                   extra[i].cast);
    }
    buf_add(&sql, STR(" WHERE org_id = $1 AND id = $2 RETURNING "));
    add_columns(&sql, c);
    return run(j, &sql, &q);
}

enum err store_item_create(struct store_job *j)
{
    struct store_extra extra[3];
    struct str id;
    int extra_count = 0;
    TRY(store_id_make(j->a, j->c->collection->prefix, &id));
    if (is(j, "users") && !check_rank(j, j->c->values[field_at(j->c->collection, "role")].text)) {
        return ERR_OK;
    }
    if (is(j, "attestations")) {
        struct str who = j->c->caller.email.len != 0 ? j->c->caller.email : j->c->caller.key_id;
        extra[extra_count++] = (struct store_extra){"who", "", STORE_P(who)};
    }
    if (is(j, "provider_endpoints")) {
        TRY(endpoint_extra(j, id, extra, &extra_count));
    }
    return j->r->refusal.status != 0 ? ERR_OK : store_item_insert(j, id, extra, extra_count);
}

enum err store_item_patch(struct store_job *j)
{
    struct store_extra extra[3];
    int extra_count = 0;
    if (is(j, "users")) {
        bool go;
        TRY(check_user_rank(j, &go));
        if (!go || !check_rank(j, j->c->values[field_at(j->c->collection, "role")].text)) {
            return ERR_OK;
        }
    }
    if (is(j, "api_keys")) {
        return store_key_patch(j);
    }
    if (is(j, "provider_endpoints")) {
        TRY(endpoint_extra(j, j->c->id, extra, &extra_count));
    }
    return j->r->refusal.status != 0 ? ERR_OK : store_item_update(j, extra, extra_count);
}

enum err store_item_delete(struct store_job *j)
{
    bool go = true;
    if (is(j, "users")) {
        TRY(check_user_rank(j, &go));
    }
    if (!go) {
        return ERR_OK;
    }
    struct store_query q = {.params_count = 0};
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    buf_printf(&sql, "DELETE FROM portcullis.%s WHERE org_id = $1 AND id = $2 RETURNING ",
               j->c->collection->table);
    add_columns(&sql, j->c->collection);
    add_param(&q, STORE_P(j->c->caller.org));
    add_param(&q, STORE_P(id_of(j)));
    return run(j, &sql, &q);
}

/* ---- hooks ------------------------------------------------------------------------- */

static bool is(const struct store_job *j, const char *table)
{
    return strcmp(j->c->collection->table, table) == 0;
}

static int field_at(const struct manage_collection *c, const char *member)
{
    for (size_t i = 0; i < c->fields_count; i++) {
        if (strcmp(c->fields[i].member, member) == 0) {
            return (int)i;
        }
    }
    ASSERT(!"a field of the collection's own table");
    return 0;
}

/* Nobody gives a role above the own one (catalogue K 208). */
static bool check_rank(struct store_job *j, struct str role)
{
    if (role.len == 0 || manage_role_outranks(&j->c->caller, role)) {
        return true;
    }
    manage_refuse(&j->r->refusal, 403, "role_too_high", "/role",
                  "your role may not give, change or remove the role '%.*s'", STR_ARG(role));
    return false;
}

static enum err check_user_rank(struct store_job *j, bool *ret_go)
{
    struct store_query q = {"SELECT role FROM portcullis.users WHERE org_id = $1 AND id = $2 "
                            "FOR UPDATE",
                            {STORE_P(j->c->caller.org), STORE_P(j->c->id)},
                            2};
    struct str role;
    *ret_go = false;
    enum err e = store_value_get(j->s, STORE_GATEWAY, &q, j->deadline_ms, j->a, &role);
    if (e == ERR_NOT_FOUND) {
        store_job_not_found(j, "user");
        return ERR_OK;
    }
    TRY(e);
    *ret_go = check_rank(j, role);
    return ERR_OK;
}

struct endpoint_now {
    struct str provider, base_url;
    uint32_t version;
    bool has_credential;
};

static enum err endpoint_now(struct store_job *j, struct endpoint_now *ret, bool *ret_found)
{
    struct store_query q = {"SELECT provider, base_url, credential_version, has_credential "
                            "FROM portcullis.provider_endpoints "
                            "WHERE org_id = $1 AND id = $2 FOR UPDATE",
                            {STORE_P(j->c->caller.org), STORE_P(j->c->id)},
                            2};
    PGresult *r = NULL;
    TRY(store_job_query(j, &q, &r));
    *ret_found = PQntuples(r) == 1;
    if (*ret_found) {
        *ret = (struct endpoint_now){.provider = store_col(j->a, r, 0, 0),
                                     .base_url = store_col(j->a, r, 0, 1),
                                     .version = (uint32_t)store_col_int(r, 0, 2, 0),
                                     .has_credential = store_col_bool(r, 0, 3)};
    }
    PQclear(r);
    return ERR_OK;
}

/* Seals a credential that was given; takes the old one away when the host or provider
 * changes without a new one, so that no key is ever sent to a host it was not given for. */
static enum err endpoint_extra(struct store_job *j, struct str id, struct store_extra *extra,
                               int *ret_count)
{
    const struct manage_collection *c = j->c->collection;
    const struct manage_value *values = j->c->values;
    const struct manage_value *credential = &values[field_at(c, "credential")];
    const struct manage_value *url = &values[field_at(c, "base_url")];
    const struct manage_value *provider = &values[field_at(c, "provider")];
    struct endpoint_now now = {.provider = provider->text, .base_url = url->text};
    if (j->c->kind == MANAGE_ITEM_PATCH) {
        bool is_found;
        TRY(endpoint_now(j, &now, &is_found));
        if (!is_found) {
            store_job_not_found(j, c->noun);
            return ERR_OK;
        }
    }
    struct store_binding b = {.org = j->c->caller.org, .id = id,
                              .provider = provider->is_set ? provider->text : now.provider,
                              .base_url = url->is_set ? url->text : now.base_url,
                              .version = now.version + 1};
    bool is_moved = !store_url_is_same_host(j->a, b.base_url, now.base_url) ||
                    !str_eq(b.provider, now.provider);
    struct str sealed = STR_NONE;
    if (credential->is_set && credential->text.len != 0) {
        TRY(store_credential_seal(j->s, j->a, &b, credential->text, &sealed));
    } else if (!credential->is_set && !(now.has_credential && is_moved)) {
        return ERR_OK;
    }
    extra[*ret_count] = (struct store_extra){"credential", "", {sealed, true}};
    extra[*ret_count + 1] = (struct store_extra){"credential_version", "::integer",
                                                 STORE_P(store_text_u64(j->a, b.version))};
    *ret_count += 2;
    return ERR_OK;
}
