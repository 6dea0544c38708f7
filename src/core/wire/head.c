/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading fields of a parsed head by name, and writing heads and chunks. Every
 * byte written is checked, so a value taken from a peer, a policy or a database
 * cannot split a head; a line with a bad byte is not written at all and the
 * buffer is left in error, which whoever sends it looks at. No memory of its
 * own, one thread per buffer. Bad inputs 154, 159, 162.
 */
#include "wire_parts.h"

static bool host_is_clean(struct str host);
static void fail(struct buf *b);
static inline void put_line(struct buf *b, struct str name, struct str between,
                            struct str value);

/* RFC 9110, and what providers are known to send. */
static const struct {
    unsigned status;
    const char *text;
} texts[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {529, "Site Is Overloaded"},
};

const char *wire_method_name(enum wire_method m)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    ASSERT((size_t)m < sizeof(names) / sizeof(names[0]));
    return names[m];
}

struct str wire_header_find(const struct wire_head *head, struct str name)
{
    for (size_t i = 0; i < head->headers_count; i++) {
        const struct wire_header *header = &head->headers[i];
        if (header->name.len == name.len && str_eq_nocase(header->name, name)) {
            return header->value;
        }
    }
    return STR_NONE;
}

size_t wire_header_count(const struct wire_head *head, const char *name)
{
    struct str wanted = str_from(name);
    size_t count = 0;
    for (size_t i = 0; i < head->headers_count; i++) {
        const struct str *have = &head->headers[i].name;
        count += have->len == wanted.len && str_eq_nocase(*have, wanted) ? 1 : 0;
    }
    return count;
}

void wire_write_request_line(struct buf *b, enum wire_method m, struct str prefix, struct str path,
                             struct str host)
{
    struct str method = str_from(wire_method_name(m));
    struct str front = prefix.len > 0 ? prefix : path;
    if (front.len == 0 || front.ptr[0] != '/' || !chars_are_target(prefix) ||
        !chars_are_target(path) || !host_is_clean(host)) {
        fail(b);
        return;
    }
    const struct str parts[] = {method, STR_INIT(" "), prefix, path,
                                STR_INIT(" HTTP/1.1\r\nHost: "), host, STR_INIT("\r\n")};
    buf_add_parts(b, parts, 7);
}

static bool host_is_clean(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!char_is(c, CHAR_HOST) && c != ':' && c != '[' && c != ']') {
            return false;
        }
    }
    return host.len > 0;
}

static void fail(struct buf *b)
{
    if (b->err == ERR_OK) {
        b->err = ERR_INVALID;
    }
}

void wire_write_status_line(struct buf *b, unsigned status)
{
    if (status < 100 || status > 599) {
        fail(b);
        return;
    }
    struct str text = str_from(wire_status_text(status));
    const char digits[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                           (char)('0' + status % 10), ' '};
    const struct str parts[] = {
        STR_INIT("HTTP/1.1 "), {digits, sizeof(digits)}, text, STR_INIT("\r\n")};
    buf_add_parts(b, parts, 4);
}

void wire_write_header(struct buf *b, struct str name, struct str value)
{
    if (name.len == 0 || !chars_are_token(name) || !chars_are_value(value)) {
        fail(b);
        return;
    }
    put_line(b, name, STR(": "), value);
}

void wire_write_line(struct buf *b, struct str front, struct str value)
{
    if (!chars_are_value(value)) {
        fail(b);
        return;
    }
    put_line(b, front, STR(""), value);
}

/* Inline, so that what stands between is a store. */
static inline void put_line(struct buf *b, struct str name, struct str between, struct str value)
{
    size_t len = name.len + between.len + value.len + 2;
    char *at = buf_reserve(b, len);
    if (at != NULL) {
        at = str_put(str_put(str_put(at, name), between), value);
        memcpy(at, "\r\n", 2);
        buf_commit(b, len);
    }
}

void wire_write_line_u64(struct buf *b, struct str front, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put_line(b, front, STR(""), (struct str){digits + at, sizeof(digits) - at});
}

void wire_write_end(struct buf *b)
{
    buf_add(b, STR("\r\n"));
}

const char *wire_status_text(unsigned status)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "Unknown";
}

void wire_write_chunk(struct buf *b, struct str data)
{
    if (data.len == 0) {
        return;
    }
    char line[18];
    size_t at = sizeof(line);
    line[--at] = '\n';
    line[--at] = '\r';
    for (size_t rest = data.len; rest > 0; rest /= 16) {
        line[--at] = "0123456789abcdef"[rest % 16];
    }
    const struct str parts[] = {{line + at, sizeof(line) - at}, data, STR_INIT("\r\n")};
    buf_add_parts(b, parts, 3);
}

void wire_write_last_chunk(struct buf *b)
{
    buf_add(b, STR("0\r\n\r\n"));
}
