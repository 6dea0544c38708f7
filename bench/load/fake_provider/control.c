/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test asks about and orders: GET /__log (requests seen), POST /__reset,
 * POST /__behave {"next":"status=429","count":2} or {"always":"delay=50"},
 * GET /__stats. Control requests are neither recorded nor disturbed. The log is
 * bounded; what no longer fits is counted but not kept.
 */
#include "fake.h"

static void behave(struct arena *a, struct seen *seen, struct str body, struct reply *r);
static void read_list(struct arena *a, const char *list, struct marks *marks);

bool control_is_path(struct str path)
{
    return str_starts(path, STR("/__"));
}

void control_answer(struct arena *a, struct seen *seen, const struct wire_head *head,
                    struct str body, struct reply *r)
{
    r->status = 200;
    r->content_type = "application/json";
    if (str_eq(head->path, STR("/__log"))) {
        buf_printf(&r->body, "{\"total\":%llu,\"requests\":[", (unsigned long long)seen->requests);
        buf_add(&r->body, buf_str(&seen->json));
        buf_add(&r->body, STR("]}"));
    } else if (str_eq(head->path, STR("/__stats"))) {
        buf_printf(&r->body, "{\"requests\":%llu,\"connections\":%llu}",
                   (unsigned long long)seen->requests, (unsigned long long)seen->connections);
    } else if (str_eq(head->path, STR("/__reset"))) {
        buf_clear(&seen->json);
        seen->requests = 0;
        seen->connections = 0;
        seen->next_count = 0;
        seen->always[0] = '\0';
        buf_add(&r->body, STR("{}"));
    } else if (str_eq(head->path, STR("/__behave"))) {
        behave(a, seen, body, r);
    } else {
        r->status = 404;
        buf_add(&r->body, STR("{\"error\":\"no such control\"}"));
    }
}

static void behave(struct arena *a, struct seen *seen, struct str body, struct reply *r)
{
    struct json_doc doc;
    struct issue issue;
    if (json_parse(a, body, &json_limits_default, &doc, &issue) != ERR_OK) {
        r->status = 400;
        buf_add(&r->body, STR("{\"error\":\"not JSON\"}"));
        return;
    }
    struct str next = json_str(json_get(doc.root, STR("next")));
    struct str always = json_str(json_get(doc.root, STR("always")));
    int64_t count = 1;
    (void)json_int(json_get(doc.root, STR("count")), &count);
    if (next.ptr != NULL) {
        snprintf(seen->next, sizeof(seen->next), "%.*s", STR_ARG(next));
        seen->next_count = count > 0 ? (uint64_t)count : 0;
    }
    if (always.ptr != NULL) {
        snprintf(seen->always, sizeof(seen->always), "%.*s", STR_ARG(always));
    }
    buf_add(&r->body, STR("{}"));
}

void control_marks(struct arena *a, struct seen *seen, struct marks *marks)
{
    read_list(a, seen->always, marks);
    if (seen->next_count > 0) {
        seen->next_count--;
        read_list(a, seen->next, marks);
    }
}

static void read_list(struct arena *a, const char *list, struct marks *marks)
{
    struct str rest = str_from(list);
    while (rest.len > 0) {
        struct str pair = str_trim(str_cut(&rest, ','), " ");
        if (pair.len > 0) {
            marks_read_one(a, pair, marks);
        }
    }
}

void control_record(struct seen *seen, const struct wire_head *head, struct str body,
                    uint64_t connection, bool is_tls)
{
    struct buf *b = &seen->json;
    size_t before = b->len;
    seen->requests++;
    buf_printf(b, "%s{\"method\":\"%s\",\"target\":", before > 0 ? "," : "",
               wire_method_name(head->method));
    json_write_str(b, head->target);
    buf_add(b, STR(",\"path\":"));
    json_write_str(b, head->path);
    buf_printf(b, ",\"connection\":%llu,\"tls\":%s,\"headers\":[", (unsigned long long)connection,
               is_tls ? "true" : "false");
    for (size_t i = 0; i < head->headers_count; i++) {
        buf_add(b, i > 0 ? STR(",[") : STR("["));
        json_write_str(b, head->headers[i].name);
        buf_add_byte(b, ',');
        json_write_str(b, head->headers[i].value);
        buf_add_byte(b, ']');
    }
    struct sha256 hash = sha256_of(body);
    char hex[64];
    hex_of(hash.bytes, sizeof(hash.bytes), hex);
    buf_printf(b, "],\"body_sha256\":\"%.64s\",\"body\":", hex);
    json_write_str(b, body);
    buf_add_byte(b, '}');
    if (b->err != ERR_OK) {
        b->len = before;
        b->err = ERR_OK;
    }
}
