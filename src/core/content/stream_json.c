/* SPDX-License-Identifier: Apache-2.0
 *
 * Tool arguments that grow: JSON text in pieces cut anywhere, read by its tokens. Names
 * and strings are strands of their own, decoded on the way in and written as JSON on the
 * way out; their end is a boundary that nothing is found across. A number is a strand too,
 * and becomes a string when something in it was replaced. So what goes out has the
 * structure of what came in. What is not JSON is read as plain text from there on.
 *
 *     START -> FIRST | STRING | NUMBER | PLAIN
 *     FIRST, VALUE -> FIRST (a container) | STRING | NUMBER | WORD | BEHIND (its end)
 *     STRING <-> ESCAPE;  STRING -> COLON (a name) | BEHIND
 *     NUMBER, WORD -> BEHIND;  COLON -> VALUE;  BEHIND -> VALUE | NAME | BEHIND;  any -> PLAIN
 *
 * A stray escape or a control character in a string is taken for the text it looks like:
 * what goes out is well-formed there. Memory: the channel's.
 */
#include "stream.h"

static size_t read_some(struct channel *c, struct str text, struct buf *out, enum err *ret_err);
static size_t read_token(struct channel *c, struct str text, struct buf *out, enum err *ret_err);
static enum err open_container(struct channel *c, char byte, struct buf *out);
static enum err begin_string(struct channel *c, bool is_name, struct buf *out);
static size_t read_string(struct channel *c, struct str text, struct buf *out, enum err *ret_err);
static enum err end_string(struct channel *c, struct buf *out);
static enum err end_name(struct json_reader *j, struct str rest, struct buf *out);
static size_t read_escape(struct channel *c, struct str text, struct buf *out, enum err *ret_err);
static enum err take_escape(struct channel *c, struct buf *out);
static enum err take_code(struct channel *c, uint32_t code, struct buf *out);
static enum err flush_half(struct channel *c, struct buf *out);
static enum err feed_code(struct channel *c, uint32_t code, struct buf *out);
static enum err feed_string(struct channel *c, struct str text, struct buf *out);
static size_t read_number(struct channel *c, struct str text, struct buf *out, enum err *ret_err);
static enum err end_number(struct channel *c, struct buf *out);
static size_t read_word(struct channel *c, struct str text, struct buf *out, enum err *ret_err);
static enum err be_plain(struct channel *c, struct buf *out);
static void set_lead(struct json_reader *j);
static struct str lead_now(const struct json_reader *j);
static void put_inside(struct buf *out, struct str s);
static bool is_blank(char c);
static bool is_number_byte(char c);

void json_reader_init(struct json_reader *j, const struct content_check *k)
{
    j->state = JSON_START;
    j->is_name = false;
    j->is_number_over = false;
    j->high = 0;
    j->depth = 0;
    j->objects = 0;
    j->pending_len = 0;
    j->name_len = 0;
    j->leads[0].len = 0;
    j->is_numbering = content_alters(k, CONTENT_RESPONSE);
    j->object = 0;
    names_init(&j->names, k->env.hash_key);
}

void json_reader_fini(struct json_reader *j)
{
    names_fini(&j->names);
    bytes_wipe(j, sizeof(*j));
}

size_t json_reader_held(const struct json_reader *j)
{
    return j->pending_len + (j->high != 0 ? 6 : 0);
}

enum err json_reader_feed(struct channel *c, struct str text, struct buf *out)
{
    enum err err = ERR_OK;
    while (text.len > 0 && err == ERR_OK) {
        size_t used = read_some(c, text, out, &err);
        text = str_sub(text, used, text.len);
    }
    return err;
}

/* One step of the automaton: 0 bytes when only the state changed. */
static size_t read_some(struct channel *c, struct str text, struct buf *out, enum err *ret_err)
{
    switch (c->json->state) {
    case JSON_STRING:
        return read_string(c, text, out, ret_err);
    case JSON_ESCAPE:
        return read_escape(c, text, out, ret_err);
    case JSON_NUMBER:
        return read_number(c, text, out, ret_err);
    case JSON_WORD:
        return read_word(c, text, out, ret_err);
    case JSON_PLAIN:
        *ret_err = strand_feed(c, text, out);
        return text.len;
    case JSON_START:
    case JSON_VALUE:
    case JSON_FIRST:
    case JSON_NAME:
    case JSON_COLON:
    case JSON_BEHIND:
        break;
    }
    return read_token(c, text, out, ret_err);
}

/* Between tokens. */
static size_t read_token(struct channel *c, struct str text, struct buf *out, enum err *ret_err)
{
    struct json_reader *j = c->json;
    char byte = text.ptr[0];
    bool is_object = (j->objects & 1) != 0;
    bool may_end = (j->state == JSON_FIRST || j->state == JSON_BEHIND) && j->depth > 0;
    bool wants_name = j->state == JSON_NAME || (j->state == JSON_FIRST && is_object);
    bool wants_value =
        j->state == JSON_START || j->state == JSON_VALUE || (j->state == JSON_FIRST && !is_object);
    if (is_blank(byte)) {
        buf_add_byte(out, byte);
    } else if (byte == '"' && (wants_name || wants_value)) {
        *ret_err = begin_string(c, wants_name, out);
    } else if ((byte == '{' || byte == '[') && wants_value && j->depth < JSON_DEPTH_MAX) {
        *ret_err = open_container(c, byte, out);
    } else if (byte == (is_object ? '}' : ']') && may_end) {
        j->objects >>= 1;
        j->depth--;
        j->state = JSON_BEHIND;
        buf_add_byte(out, byte);
    } else if (byte == ',' && j->state == JSON_BEHIND && j->depth > 0) {
        j->state = is_object ? JSON_NAME : JSON_VALUE;
        buf_add_byte(out, byte);
    } else if (byte == ':' && j->state == JSON_COLON) {
        j->state = JSON_VALUE;
        buf_add_byte(out, byte);
    } else if (is_number_byte(byte) && wants_value) {
        j->state = JSON_NUMBER;
        j->is_number_over = false;
        return 0;
    } else if ((byte == 't' || byte == 'f' || byte == 'n') && wants_value && j->depth > 0) {
        j->state = JSON_WORD;
        return 0;
    } else {
        *ret_err = be_plain(c, out);
        return 0;
    }
    return 1;
}

static enum err open_container(struct channel *c, char byte, struct buf *out)
{
    struct json_reader *j = c->json;
    j->objects = j->objects << 1 | (byte == '{' ? 1 : 0);
    j->leads[j->depth + 1] = j->leads[j->depth];
    j->depth++;
    j->object += byte == '{' ? 1 : 0;
    j->in_object[j->depth] = j->object;
    j->state = JSON_FIRST;
    buf_add_byte(out, byte);
    return out->err;
}

/* ---- strings -------------------------------------------------------------------- */

static enum err begin_string(struct channel *c, bool is_name, struct buf *out)
{
    struct json_reader *j = c->json;
    j->is_name = is_name;
    c->is_name = is_name;
    j->name_len = 0;
    j->name_in = j->name_out = names_begin(&j->names, j->in_object[j->depth]);
    j->high = 0;
    j->state = JSON_STRING;
    buf_add_byte(out, '"');
    return strand_begin(c, is_name ? STR_NONE : lead_now(j));
}

static size_t read_string(struct channel *c, struct str text, struct buf *out, enum err *ret_err)
{
    size_t run = 0;
    while (run < text.len && text.ptr[run] != '"' && text.ptr[run] != '\\') {
        run++;
    }
    if (run > 0) {
        *ret_err = feed_string(c, str_sub(text, 0, run), out);
        return run;
    }
    if (text.ptr[0] == '\\') {
        c->json->state = JSON_ESCAPE;
        c->json->pending_len = 0;
        return 0;
    }
    *ret_err = end_string(c, out);
    if (*ret_err == ERR_OK) {
        buf_add_byte(out, '"');
    }
    return 1;
}

static enum err end_string(struct channel *c, struct buf *out)
{
    struct json_reader *j = c->json;
    struct buf *decoded = &c->check->channels->decoded;
    TRY(flush_half(c, out));
    j->state = j->is_name ? JSON_COLON : JSON_BEHIND;
    if (j->is_name) {
        set_lead(j);
    }
    buf_clear(decoded);
    enum err err = strand_end(c, decoded);
    put_inside(out, buf_str(decoded));
    return err == ERR_OK && j->is_name && j->is_numbering ? end_name(j, buf_str(decoded), out)
                                                          : err;
}

/* It is all there now, so it is known whether it is the first of its kind. */
static enum err end_name(struct json_reader *j, struct str rest, struct buf *out)
{
    unsigned number;
    j->name_out = names_add(j->name_out, rest);
    TRY(names_take(&j->names, j->name_out, j->name_in != j->name_out, &number));
    if (number != 0) {
        buf_printf(out, "_%u", number);
    }
    return out->err;
}

/* Text of a string, decoded, in; what may go on, as JSON, out. */
static enum err feed_string(struct channel *c, struct str text, struct buf *out)
{
    struct json_reader *j = c->json;
    struct buf *decoded = &c->check->channels->decoded;
    TRY(flush_half(c, out));
    if (j->is_name) {
        struct str part = str_sub(text, 0, sizeof(j->name) - j->name_len);
        memcpy(j->name + j->name_len, part.ptr, part.len);
        j->name_len += part.len;
        j->name_in = names_add(j->name_in, text);
    }
    buf_clear(decoded);
    enum err err = strand_feed(c, text, decoded);
    put_inside(out, buf_str(decoded));
    if (j->is_name) {
        j->name_out = names_add(j->name_out, buf_str(decoded));
    }
    return err;
}

/* Collects an escape; one that is none is text, up to the byte that says so. */
static size_t read_escape(struct channel *c, struct str text, struct buf *out, enum err *ret_err)
{
    struct json_reader *j = c->json;
    char byte = text.ptr[0];
    bool is_good = j->pending_len == 0   ? byte == '\\'
                   : j->pending_len == 1 ? byte != '\0' && strchr("\"\\/bfnrtu", byte) != NULL
                                         : hex_value(byte) >= 0;
    if (!is_good) {
        size_t len = j->pending_len;
        j->state = JSON_STRING;
        j->pending_len = 0;
        *ret_err = feed_string(c, (struct str){j->pending, len}, out);
        return 0;
    }
    j->pending[j->pending_len++] = byte;
    if (j->pending_len == (j->pending_len > 1 && j->pending[1] == 'u' ? 6U : 2U)) {
        j->state = JSON_STRING;
        *ret_err = take_escape(c, out);
        j->pending_len = 0;
    }
    return 1;
}

static enum err take_escape(struct channel *c, struct buf *out)
{
    static const char letters[] = "bfnrt";
    static const char bytes[] = "\b\f\n\r\t";
    struct json_reader *j = c->json;
    if (j->pending[1] != 'u') {
        const char *letter = strchr(letters, j->pending[1]);
        char byte = letter != NULL ? bytes[letter - letters] : j->pending[1];
        return feed_string(c, (struct str){&byte, 1}, out);
    }
    uint8_t code[2];
    if (hex_to((struct str){j->pending + 2, 4}, code, 2) != ERR_OK) {
        return ERR_INTERNAL;
    }
    return take_code(c, (uint32_t)code[0] << 8 | code[1], out);
}

/* A code of an escape, perhaps half a pair. */
static enum err take_code(struct channel *c, uint32_t code, struct buf *out)
{
    struct json_reader *j = c->json;
    bool is_high = code >= 0xd800 && code < 0xdc00;
    bool is_low = code >= 0xdc00 && code < 0xe000;
    if (is_low && j->high != 0) {
        code = 0x10000 + ((uint32_t)(j->high - 0xd800) << 10) + (code - 0xdc00);
        j->high = 0;
        return feed_code(c, code, out);
    }
    TRY(flush_half(c, out));
    if (is_high) {
        j->high = (uint16_t)code;
        return ERR_OK;
    }
    return feed_code(c, is_low ? 0xfffd : code, out);
}

/* A first half that waited in vain. */
static enum err flush_half(struct channel *c, struct buf *out)
{
    bool is_waiting = c->json->high != 0;
    c->json->high = 0;
    return is_waiting ? feed_code(c, 0xfffd, out) : ERR_OK;
}

static enum err feed_code(struct channel *c, uint32_t code, struct buf *out)
{
    char bytes[4];
    size_t len = str_utf8_of(code, bytes);
    return feed_string(c, (struct str){bytes, len}, out);
}

/* ---- numbers and words ------------------------------------------------------------- */

/* It waits for what comes behind it: only then it is a number. */
static size_t read_number(struct channel *c, struct str text, struct buf *out, enum err *ret_err)
{
    struct json_reader *j = c->json;
    char byte = text.ptr[0];
    bool is_more = is_blank(byte) || (is_number_byte(byte) && !j->is_number_over);
    if (is_more && j->pending_len < JSON_PENDING_MAX) {
        j->is_number_over = j->is_number_over || is_blank(byte);
        j->pending[j->pending_len++] = byte;
        return 1;
    }
    bool is_over = (byte == ',' || byte == ']' || byte == '}') && j->depth > 0;
    *ret_err = is_over ? end_number(c, out) : be_plain(c, out);
    return 0;
}

static enum err end_number(struct channel *c, struct buf *out)
{
    struct json_reader *j = c->json;
    struct buf *decoded = &c->check->channels->decoded;
    size_t len = j->pending_len;
    while (len > 0 && is_blank(j->pending[len - 1])) {
        len--;
    }
    struct str number = {j->pending, len};
    struct str blanks = {j->pending + len, j->pending_len - len};
    buf_clear(decoded);
    c->is_name = false;
    TRY(strand_begin(c, lead_now(j)));
    TRY(strand_feed(c, number, decoded)); /* nothing goes on that is only a part of it */
    TRY(strand_end(c, decoded));
    if (str_eq(buf_str(decoded), number)) {
        buf_add(out, number);
    } else {
        json_write_str(out, buf_str(decoded));
    }
    buf_add(out, blanks);
    j->pending_len = 0;
    j->state = JSON_BEHIND;
    return decoded->err != ERR_OK ? decoded->err : out->err;
}

static size_t read_word(struct channel *c, struct str text, struct buf *out, enum err *ret_err)
{
    static const struct str words[] = {STR_INIT("true"), STR_INIT("false"), STR_INIT("null")};
    struct json_reader *j = c->json;
    j->pending[j->pending_len++] = text.ptr[0];
    struct str now = {j->pending, j->pending_len};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq(words[i], now)) {
            buf_add(out, now);
            j->pending_len = 0;
            j->state = JSON_BEHIND;
            return 1;
        }
        if (str_starts(words[i], now)) {
            return 1;
        }
    }
    j->pending_len--; /* the byte is read again, as plain text */
    *ret_err = be_plain(c, out);
    return 0;
}

/* What waits is the beginning of the plain text. */
static enum err be_plain(struct channel *c, struct buf *out)
{
    struct json_reader *j = c->json;
    size_t len = j->pending_len;
    j->state = JSON_PLAIN;
    j->pending_len = 0;
    c->is_name = false;
    TRY(strand_begin(c, STR_NONE));
    return strand_feed(c, (struct str){j->pending, len}, out);
}

enum err json_reader_end(struct channel *c, struct buf *out)
{
    struct json_reader *j = c->json;
    switch (j->state) {
    case JSON_NUMBER:
        return end_number(c, out);
    case JSON_ESCAPE: {
        /* Cut inside of an escape: the string ends in front of it, and what is left of it
         * goes on, too short to say anything. */
        struct str rest = {j->pending, j->pending_len};
        j->pending_len = 0;
        TRY(end_string(c, out));
        buf_add(out, rest);
        return out->err;
    }
    case JSON_STRING:
        return end_string(c, out);
    case JSON_PLAIN:
        return strand_end(c, out);
    case JSON_WORD:
        buf_add(out, (struct str){j->pending, j->pending_len});
        j->pending_len = 0;
        return out->err;
    case JSON_START:
    case JSON_VALUE:
    case JSON_FIRST:
    case JSON_NAME:
    case JSON_COLON:
    case JSON_BEHIND:
        break;
    }
    return ERR_OK;
}

/* ---- what a value stands under ------------------------------------------------------- */

/* Behind a name: what lead_of says of the pointer of its value. A name that is a number
 * looks like an index there, so it says nothing. */
static void set_lead(struct json_reader *j)
{
    struct json_lead *lead = &j->leads[j->depth];
    char pointer[sizeof(j->name) + 1];
    bool is_number = j->name_len > 0;
    for (size_t i = 0; i < j->name_len; i++) {
        is_number = is_number && j->name[i] >= '0' && j->name[i] <= '9';
    }
    *lead = j->leads[j->depth - 1];
    if (is_number) {
        return;
    }
    lead->len = 0;
    if (j->name_len == 0 || j->name_len == sizeof(j->name) ||
        memchr(j->name, '~', j->name_len) != NULL || memchr(j->name, '/', j->name_len) != NULL) {
        return;
    }
    pointer[0] = '/';
    memcpy(pointer + 1, j->name, j->name_len);
    lead->len = (uint8_t)lead_of((struct str){pointer, j->name_len + 1}, lead->bytes);
}

static struct str lead_now(const struct json_reader *j)
{
    const struct json_lead *lead = &j->leads[j->depth];
    return (struct str){lead->bytes, lead->len};
}

/* ---- bytes --------------------------------------------------------------------------- */

/* The inside of a JSON string. Bytes that are not UTF-8 are not looked at: a code point
 * may go out in two pieces. */
static void put_inside(struct buf *out, struct str s)
{
    static const char names[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        buf_add(out, str_sub(s, from, i));
        from = i + 1;
        const char *name = byte == 0 ? NULL : strchr(names, (char)byte);
        if (name != NULL) {
            char escape[2] = {'\\', letters[name - names]};
            buf_add(out, (struct str){escape, 2});
        } else {
            buf_printf(out, "\\u%04x", (unsigned)byte);
        }
    }
    buf_add(out, str_sub(s, from, s.len));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_number_byte(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}
