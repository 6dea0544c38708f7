/* SPDX-License-Identifier: Apache-2.0
 *
 * The guard: our own reading of a head, line by line as the lines arrive, before
 * llhttp sees any of it. Refuses everything RFC 9112 lets a reader be lenient
 * about: odd spaces, folded lines, empty or odd names, a second Host, Content-Length,
 * Transfer-Encoding, Authorization, X-Api-Key or Content-Type, every length that is
 * not plain decimal, every coding but chunked.
 *
 * Why line by line: a bad head need not ever end, and the sender must hear at once.
 * It does not judge what fields mean beyond framing. Works on the parser's
 * state; lines are borrowed for the call. Bad inputs 1-18, 27-30, 157-159, 190-194.
 */
#include "wire_parts.h"

static enum err request_line(struct wire_parser *p, struct str line, size_t at);
static enum err read_method(struct wire_parser *p, struct str method);
static enum err read_version(struct wire_parser *p, struct str version);
static enum err status_line(struct wire_parser *p, struct str line);
static void trim_value(struct wire_parser_state *s, struct str *value);
static enum err mark_field(struct wire_parser *p, struct str name);
static uint8_t *mark_of(struct field_marks *marks, struct str name);
static enum err make_views(struct wire_parser *p);
static enum err read_tokens(struct wire_parser *p, const struct wire_header *header);
static void read_connection(struct wire_parser_state *s, struct str value);
static enum err check_host(struct wire_parser *p);
static enum err check_framing(struct wire_parser *p);
static enum err check_response(struct wire_parser *p);

static const struct {
    struct str name;
    enum wire_method method;
} known_methods[] = {
    {{"POST", 4}, WIRE_POST},       {{"GET", 3}, WIRE_GET},     {{"HEAD", 4}, WIRE_HEAD_METHOD},
    {{"PUT", 3}, WIRE_PUT},         {{"PATCH", 5}, WIRE_PATCH}, {{"DELETE", 6}, WIRE_DELETE},
    {{"OPTIONS", 7}, WIRE_OPTIONS},
};

enum err guard_start_line(struct wire_parser *p, struct str line, size_t at)
{
    return p->kind == WIRE_REQUEST ? request_line(p, line, at) : status_line(p, line);
}

static enum err request_line(struct wire_parser *p, struct str line, size_t at)
{
    struct wire_parser_state *s = p->state;
    ptrdiff_t first = str_find(line, ' ');
    if (first <= 0) {
        return parser_refuse(p, ERR_SYNTAX, 400, "the request line must be METHOD TARGET VERSION");
    }
    struct str method = str_sub(line, 0, (size_t)first);
    struct str rest = str_sub(line, (size_t)first + 1, line.len);
    ptrdiff_t second = str_find(rest, ' ');
    if (second <= 0) {
        return parser_refuse(p, ERR_SYNTAX, 400, "the request line must be METHOD TARGET VERSION");
    }
    struct str target = str_sub(rest, 0, (size_t)second);
    if (target.len > p->limits->target_bytes_max) {
        return parser_refuse(p, ERR_LIMIT, 414, "the request target is too long");
    }
    if (!chars_are_target(target)) {
        return parser_refuse(p, ERR_SYNTAX, 400,
                             "the request target may hold visible ASCII without '#' and '\\' only");
    }
    s->target_at = at + (size_t)first + 1;
    s->target_len = target.len;
    TRY(read_version(p, str_sub(rest, (size_t)second + 1, rest.len)));
    TRY(read_method(p, method));
    return guard_target_form(p, target);
}

static enum err read_version(struct wire_parser *p, struct str version)
{
    struct wire_head *head = &p->state->head;
    if (version.len == 8 && memcmp(version.ptr, "HTTP/1.1", 8) == 0) {
        head->is_http10 = false;
        return ERR_OK;
    }
    if (version.len == 8 && memcmp(version.ptr, "HTTP/1.0", 8) == 0) {
        head->is_http10 = true;
        return ERR_OK;
    }
    if (version.len == 8 && memcmp(version.ptr, "HTTP/", 5) == 0 && version.ptr[6] == '.' &&
        char_is(version.ptr[5], CHAR_DIGIT) && char_is(version.ptr[7], CHAR_DIGIT)) {
        return parser_refuse(p, ERR_UNSUPPORTED, 505, "only HTTP/1.1 and HTTP/1.0 are served");
    }
    return parser_refuse(p, ERR_SYNTAX, 400, "the version must be HTTP/1.1 or HTTP/1.0");
}

static enum err read_method(struct wire_parser *p, struct str method)
{
    for (size_t i = 0; i < sizeof(known_methods) / sizeof(known_methods[0]); i++) {
        if (str_eq(method, known_methods[i].name)) {
            p->state->head.method = known_methods[i].method;
            return ERR_OK;
        }
    }
    if (!chars_are(method, CHAR_TOKEN)) {
        return parser_refuse(p, ERR_SYNTAX, 400, "the method must be a token");
    }
    if (str_eq(method, STR("TRACE")) || str_eq(method, STR("CONNECT"))) {
        return parser_refuse(p, ERR_UNSUPPORTED, 405, "this method is not allowed");
    }
    return parser_refuse(p, ERR_UNSUPPORTED, 501, "this method is not known");
}

static enum err status_line(struct wire_parser *p, struct str line)
{
    /* "HTTP/1.1 200" and then nothing or " reason". */
    if (line.len < 12 || line.ptr[8] != ' ' || (line.len > 12 && line.ptr[12] != ' ') ||
        (line.len > 13 && line.ptr[13] == ' ')) {
        return parser_refuse(p, ERR_SYNTAX, 502, "the status line must be VERSION STATUS REASON");
    }
    TRY(read_version(p, str_sub(line, 0, 8)));
    if (!chars_are(str_sub(line, 9, 12), CHAR_DIGIT)) {
        return parser_refuse(p, ERR_SYNTAX, 502, "the status must be three digits");
    }
    unsigned status = (unsigned)(line.ptr[9] - '0') * 100 + (unsigned)(line.ptr[10] - '0') * 10 +
                      (unsigned)(line.ptr[11] - '0');
    if (status < 100 || status > 599) {
        return parser_refuse(p, ERR_SYNTAX, 502, "the status must be 100 to 599");
    }
    p->state->head.status = status;
    return ERR_OK;
}

enum err guard_field(struct wire_parser *p, struct str line, size_t at)
{
    struct wire_parser_state *s = p->state;
    size_t name_len = chars_token_len(line);
    if (name_len == 0 || name_len == line.len || line.ptr[name_len] != ':') {
        return parser_refuse(p, ERR_SYNTAX, 400,
                             "a field line must be NAME: VALUE, the name a token, not folded");
    }
    struct str value = {line.ptr + name_len + 1, line.len - name_len - 1};
    trim_value(s, &value);
    if (s->fields_count == WIRE_HEADERS_MAX) {
        return parser_refuse(p, ERR_LIMIT, 431, "too many header fields");
    }
    struct field_at *field = &s->fields[s->fields_count++];
    field->name = (uint32_t)at;
    field->name_len = (uint32_t)name_len;
    field->value = (uint32_t)(at + (size_t)(value.ptr - line.ptr));
    field->value_len = (uint32_t)value.len;
    return mark_field(p, (struct str){line.ptr, name_len});
}

/* llhttp takes spaces around a value but not every tab, so those are remembered. */
static void trim_value(struct wire_parser_state *s, struct str *value)
{
    while (value->len > 0 && (value->ptr[0] == ' ' || value->ptr[0] == '\t')) {
        s->has_tab_around_value = s->has_tab_around_value || value->ptr[0] == '\t';
        value->ptr++;
        value->len--;
    }
    while (value->len > 0 &&
           (value->ptr[value->len - 1] == ' ' || value->ptr[value->len - 1] == '\t')) {
        s->has_tab_around_value = s->has_tab_around_value || value->ptr[value->len - 1] == '\t';
        value->len--;
    }
}

/* A name that must not come twice is refused when it does. */
static enum err mark_field(struct wire_parser *p, struct str name)
{
    struct wire_parser_state *s = p->state;
    uint8_t *mark = mark_of(&s->marks, name);
    if (mark == NULL) {
        return ERR_OK;
    }
    if (*mark != 0 && p->kind == WIRE_REQUEST) {
        return parser_refuse(p, ERR_SYNTAX, 400,
                             "Host, Authorization, X-Api-Key, Content-Type, Content-Length and "
                             "Transfer-Encoding may come once only");
    }
    if (*mark != 0 && (mark == &s->marks.content_length || mark == &s->marks.transfer_encoding ||
                       mark == &s->marks.content_type)) {
        return parser_refuse(
            p, ERR_SYNTAX, 502,
            "Content-Type, Content-Length and Transfer-Encoding may come once only");
    }
    *mark = (uint8_t)s->fields_count;
    return ERR_OK;
}

static uint8_t *mark_of(struct field_marks *marks, struct str name)
{
    static const struct {
        const char *name;
        size_t offset;
    } by_length[18] = {
        [4] = {"host", offsetof(struct field_marks, host)},
        [9] = {"x-api-key", offsetof(struct field_marks, api_key)},
        [12] = {"content-type", offsetof(struct field_marks, content_type)},
        [13] = {"authorization", offsetof(struct field_marks, authorization)},
        [14] = {"content-length", offsetof(struct field_marks, content_length)},
        [17] = {"transfer-encoding", offsetof(struct field_marks, transfer_encoding)},
    };
    if (name.len >= 18 || by_length[name.len].name == NULL ||
        (name.ptr[0] | 0x20) != by_length[name.len].name[0] ||
        !chars_equal_lower(name.ptr, by_length[name.len].name, name.len)) {
        return NULL;
    }
    return (uint8_t *)marks + by_length[name.len].offset;
}

enum err guard_finish(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    s->says_close = false;
    s->says_keep_alive = false;
    s->head.expects_continue = false;
    TRY(make_views(p));
    TRY(check_framing(p));
    if (p->kind == WIRE_RESPONSE) {
        TRY(check_response(p));
    } else {
        TRY(check_host(p));
        TRY(guard_target(p));
    }
    s->head.is_keep_alive = !s->says_close && (!s->head.is_http10 || s->says_keep_alive);
    return ERR_OK;
}

/* The buffer does not move any more: offsets become views. */
static enum err make_views(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    char *base = s->bytes.ptr;
    uint64_t names = 0;
    uint64_t repeats = 0;
    s->head.headers_count = s->fields_count;
    for (size_t i = 0; i < s->fields_count; i++) {
        const struct field_at *field = &s->fields[i];
        struct wire_header *header = &s->head.headers[i];
        header->name = (struct str){base + field->name, field->name_len};
        uint64_t bit = wire_name_bit(header->name);
        repeats |= names & bit;
        names |= bit;
        header->value = (struct str){base + field->value, field->value_len};
        if (s->has_tab_around_value) {
            char *from = base + field->name + field->name_len + 1;
            for (; from < header->value.ptr; from++) {
                *from = ' ';
            }
            for (from = base + field->value + field->value_len; *from != '\r'; from++) {
                *from = ' ';
            }
        }
        if (field->name_len == 10 || field->name_len == 6) {
            TRY(read_tokens(p, header));
        }
    }
    s->head.names = names;
    s->head.repeats = repeats;
    return ERR_OK;
}

/* Connection and Expect: lists or repeated, so read all of them. */
static enum err read_tokens(struct wire_parser *p, const struct wire_header *header)
{
    struct wire_parser_state *s = p->state;
    if (header->name.len == 10 && (header->name.ptr[0] | 0x20) == 'c' &&
        chars_equal_lower(header->name.ptr, "connection", 10)) {
        read_connection(s, header->value);
        return ERR_OK;
    }
    if (p->kind != WIRE_REQUEST || header->name.len != 6 ||
        !chars_equal_lower(header->name.ptr, "expect", 6)) {
        return ERR_OK;
    }
    if (header->value.len != 12 || !chars_equal_lower(header->value.ptr, "100-continue", 12)) {
        return parser_refuse(p, ERR_UNSUPPORTED, 417, "the only expectation met is 100-continue");
    }
    /* RFC 9110 10.1.1: to be ignored in an HTTP/1.0 request. */
    s->head.expects_continue = !s->head.is_http10;
    return ERR_OK;
}

/* Only close and keep-alive mean something; names nominated here are hop-by-hop
 * for a proxy that forwards fields, and none of ours are taken away by it. */
static void read_connection(struct wire_parser_state *s, struct str value)
{
    while (value.ptr != NULL) {
        struct str token = chars_trim_ows(str_cut(&value, ','));
        if (token.len == 5 && chars_equal_lower(token.ptr, "close", 5)) {
            s->says_close = true;
        }
        if (token.len == 10 && chars_equal_lower(token.ptr, "keep-alive", 10)) {
            s->says_keep_alive = true;
        }
    }
}

static enum err check_host(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    s->head.host = STR_NONE;
    if (s->marks.host == 0) {
        return s->head.is_http10 ? ERR_OK
                                 : parser_refuse(p, ERR_SYNTAX, 400, "a Host field is required");
    }
    struct str host = s->head.headers[s->marks.host - 1].value;
    struct str name = host;
    if (host.len > 0 && host.ptr[0] == '[') {
        ptrdiff_t end = str_find(host, ']');
        struct str inner = end < 0 ? STR_NONE : str_sub(host, 1, (size_t)end);
        bool is_bad = inner.len == 0;
        for (size_t i = 0; i < inner.len; i++) {
            char c = inner.ptr[i];
            is_bad = is_bad || !(char_is(c, CHAR_HEX) || c == ':' || c == '.');
        }
        if (is_bad) {
            return parser_refuse(p, ERR_SYNTAX, 400, "Host is not NAME or NAME:PORT");
        }
        name = str_sub(host, (size_t)end + 1, host.len);
    } else {
        size_t len = 0;
        while (len < host.len && char_is(host.ptr[len], CHAR_HOST)) {
            len++;
        }
        name = len == 0 ? STR("!") : str_sub(host, len, host.len);
    }
    struct str port = str_sub(name, 1, name.len);
    if (name.len > 0 &&
        (name.ptr[0] != ':' || port.len == 0 || port.len > 5 || !chars_are(port, CHAR_DIGIT))) {
        return parser_refuse(p, ERR_SYNTAX, 400, "Host is not NAME or NAME:PORT");
    }
    s->head.host = host;
    return ERR_OK;
}

static enum err check_framing(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    struct wire_head *head = &s->head;
    head->is_chunked = s->marks.transfer_encoding != 0;
    head->has_content_length = s->marks.content_length != 0;
    head->content_length = 0;
    if (head->is_chunked) {
        struct str coding = head->headers[s->marks.transfer_encoding - 1].value;
        if (head->has_content_length) {
            return parser_refuse(p, ERR_SYNTAX, 400,
                                 "Content-Length and Transfer-Encoding exclude each other");
        }
        if (head->is_http10) {
            return parser_refuse(p, ERR_SYNTAX, 400, "HTTP/1.0 has no Transfer-Encoding");
        }
        if (coding.len != 7 || !chars_equal_lower(coding.ptr, "chunked", 7)) {
            return parser_refuse(p, ERR_SYNTAX, 400, "Transfer-Encoding must be chunked");
        }
    }
    if (!head->has_content_length) {
        return ERR_OK;
    }
    struct str digits = head->headers[s->marks.content_length - 1].value;
    bool is_bad = digits.len == 0 || digits.len > 18 || (digits.len > 1 && digits.ptr[0] == '0');
    for (size_t i = 0; i < digits.len && !is_bad; i++) {
        is_bad = !char_is(digits.ptr[i], CHAR_DIGIT);
        head->content_length = head->content_length * 10 + (uint64_t)digits.ptr[i] - '0';
    }
    if (is_bad) {
        return parser_refuse(p, ERR_SYNTAX, 400,
                             "Content-Length must be a decimal number without leading zeros");
    }
    /* The length of an answer without a body (HEAD, 304) says nothing about memory. */
    if (p->kind == WIRE_REQUEST && head->content_length > p->limits->body_bytes_max) {
        return parser_refuse(p, ERR_LIMIT, 413, "the body is too large");
    }
    return ERR_OK;
}

static enum err check_response(struct wire_parser *p)
{
    struct wire_parser_state *s = p->state;
    const struct wire_head *head = &s->head;
    bool is_informational = head->status < 200;
    s->is_bodyless =
        is_informational || head->status == 204 || head->status == 304 || p->is_head_request;
    if (head->status == 101) {
        return parser_refuse(p, ERR_UNSUPPORTED, 502, "no change of protocol was asked for");
    }
    if (is_informational && (head->is_chunked || head->has_content_length)) {
        return parser_refuse(p, ERR_SYNTAX, 502, "an informational answer has no body");
    }
    if (!s->is_bodyless && head->content_length > p->limits->body_bytes_max) {
        return parser_refuse(p, ERR_LIMIT, 502, "the body is too large");
    }
    return ERR_OK;
}
