/* SPDX-License-Identifier: Apache-2.0
 *
 * Is what stands before '=', ':', '>' or ',' the name of a secret? "API_KEY", "dbPassword",
 * "my access token", <client-secret>, key="ApiKey" value= are; "csrf_token", "tokenFile",
 * "public_key", "next_page_token", "keyboard" are not. The last word of a name says what
 * the thing is, so the words are read from the end. English, with the words for password
 * of some other languages. Pure.
 */
#include "check.h"

#define NAME_WORDS 6U
#define NAME_BYTES 48U

/* The words of a name, lower case, last one first. */
struct name {
    char bytes[NAME_BYTES];
    struct str words[NAME_WORDS];
    size_t count;
};

static bool is_name_byte(char c);
static struct str trim_operator(struct str left);
static struct str name_before(struct str left);
static struct str named_elsewhere(struct str left);
static void split(struct str text, struct name *ret);
static bool is_in(struct str word, const char *list);
static bool has_any(const struct name *name, size_t from, const char *list);
static bool is_secret(const struct name *name);
static bool is_password(const struct name *name);
static bool is_password_abroad(struct str left);
static bool read_name(struct str left, struct name *ret);

static bool is_name_byte(char c)
{
    return is_word_byte((unsigned char)c) || c == '-' || c == '.' || c == '$' || c == ' ';
}

/* What may stand between a name and the operator: blanks, quotes, brackets, the first half
 * of the operator, a type. */
static struct str trim_operator(struct str left)
{
    while (left.len > 0 && strchr(" \t\"'`\\]):?+|.=*!", left.ptr[left.len - 1]) != NULL) {
        left.len--;
    }
    return left;
}

static struct str name_before(struct str left)
{
    size_t from = left.len;
    while (from > 0 && left.len - from < NAME_BYTES && is_name_byte(left.ptr[from - 1])) {
        from--;
    }
    bool is_line_end = from > 0 && left.ptr[from - 1] == '\\' && from < left.len &&
                       strchr("nrt", left.ptr[from]) != NULL; /* "a\npassword=" */
    return str_sub(left, from + (is_line_end ? 1 : 0), left.len);
}

/* "token: string = " names a type, <add key="ApiKey" value=" and "- name: TOKEN\n value:"
 * name the thing in the place before. */
static struct str named_elsewhere(struct str left)
{
    static const char types[] = " string str text varchar char const nsstring ";
    struct name name;
    split(name_before(left), &name);
    if (name.count == 0) {
        return left;
    }
    size_t last = name.words[0].len;
    if (is_in(name.words[0], types) && left.len > last + 1) {
        struct str rest = str_trim(str_sub(left, 0, left.len - last), " ");
        bool is_typed = rest.len > 0 && rest.ptr[rest.len - 1] == ':';
        return is_typed ? trim_operator(rest) : left;
    }
    if (is_in(name.words[0], " value val content default ")) {
        for (size_t at = left.len - last; at > 4; at--) {
            struct str before = str_sub(left, 0, at);
            bool is_label = str_ends(before, STR("key=")) || str_ends(before, STR("name=")) ||
                            str_ends(before, STR("name: ")) || str_ends(before, STR("key: "));
            if (is_label) {
                struct str rest = str_trim(str_sub(left, at, left.len), "\"' ");
                size_t n = 0;
                while (n < rest.len && is_name_byte(rest.ptr[n]) && rest.ptr[n] != ' ') {
                    n++;
                }
                return str_sub(rest, 0, n);
            }
        }
    }
    return left;
}

/* From the end: letters of one word; a change from small to capital begins one. */
static void split(struct str text, struct name *ret)
{
    size_t used = 0;
    ret->count = 0;
    size_t end = text.len;
    while (end > 0 && ret->count < NAME_WORDS) {
        char c = text.ptr[end - 1];
        if ((c | 0x20) < 'a' || (c | 0x20) > 'z') {
            end--;
            continue;
        }
        size_t from = end;
        while (from > 0 && (text.ptr[from - 1] | 0x20) >= 'a' &&
               (text.ptr[from - 1] | 0x20) <= 'z') {
            from--;
            bool is_capital = (text.ptr[from] & 0x20) == 0;
            bool is_after = from > 0 && (text.ptr[from - 1] & 0x60) == 0x60;
            bool is_head = from + 1 < end && (text.ptr[from + 1] & 0x20) != 0;
            if (is_capital && (is_after || is_head)) {
                break;
            }
        }
        if (used + (end - from) > NAME_BYTES) {
            return;
        }
        struct str word = {ret->bytes + used, end - from};
        for (size_t i = from; i < end; i++) {
            ret->bytes[used++] = (char)(text.ptr[i] | 0x20);
        }
        ret->words[ret->count++] = word;
        end = from;
    }
}

/* `list` has blanks around each word. */
static bool is_in(struct str word, const char *list)
{
    struct str all = str_from(list);
    for (size_t at = 1; at + word.len < all.len; at++) {
        if (all.ptr[at - 1] == ' ' && all.ptr[at] == word.ptr[0] && all.ptr[at + word.len] == ' ' &&
            memcmp(all.ptr + at, word.ptr, word.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_any(const struct name *name, size_t from, const char *list)
{
    for (size_t i = from; i < name->count; i++) {
        if (is_in(name->words[i], list)) {
            return true;
        }
    }
    return false;
}

/* Which one of several it is, is said behind the thing: token_v2, API_KEY_PROD. */
static const char trailers[] =
    " value val v str string prod production dev development staging stage sandbox qa uat live new "
    "old current raw here is was plain env base b for the of in to my our db ci bot eu us default "
    "main primary secondary backup local internal root admin user text ";

static bool is_secret(const struct name *name)
{
    static const char heads[] =
        " secret token apikey apitoken apisecret accesskey accesstoken secretkey secretaccesskey "
        "privatekey authkey authtoken authsecret credential credentials creds clientsecret appkey "
        "appsecret masterkey encryptionkey signingkey bearertoken jwt connectionstring pat sas ";
    static const char key_kinds[] =
        " api access secret private auth authorization encryption encrypt signing sign sig app "
        "application client account license storage master session admin consumer subscription "
        "shared server deploy hmac aes jwt webhook personal root write token service maps "
        "integration instrumentation function host rest bot security cipher decrypt decryption "
        "connection openai anthropic gemini azure aws github gitlab slack discord twilio sendgrid "
        "mailgun mailchimp datadog algolia airtable heroku cloudflare hubspot intercom segment "
        "sentry shopify stripe paypal plaid firebase supabase vercel netlify dropbox spotify "
        "twitter facebook linkedin telegram notion asana trello jira atlassian bitbucket jenkins "
        "sonar grafana pagerduty okta mapbox weather deepl newrelic google youtube ";
    static const char harmless[] =
        " csrf xsrf antiforgery authenticity public publishable pub next prev page paging "
        "pagination continuation cursor sync eos bos pad unk cls sep mask stop special symbol "
        "lexer design max num total prompt completion request cancellation invalidation "
        "verification foreign partition sort cache idempotency dedup schema bucket sequence "
        "translation hot react no non not fake test invalid ";
    for (size_t i = 0; i < name->count && i < 4; i++) {
        struct str word = name->words[i];
        bool is_key = str_eq(word, STR("key"));
        if (is_in(word, heads) || (is_key && has_any(name, i + 1, key_kinds))) {
            return !has_any(name, 0, harmless);
        }
        if (!is_in(word, trailers)) {
            return false;
        }
    }
    return false;
}

static bool is_password(const struct name *name)
{
    static const char heads[] =
        " password passwd pwd passphrase pass pw psw passcode passwort kennwort contrasena senha "
        "motdepasse passe wachtwoord dbpass dbpasswd dbpwd userpass dbpassword userpassword "
        "mypassword pgpassword pswd passwrd "
        "pword heslo salasana losenord parola sifre jelszo ";
    for (size_t i = 0; i < name->count && i < 4; i++) {
        if (is_in(name->words[i], heads)) {
            return !has_any(name, 0, " no non not invalid wrong hashed encrypted fake boarding ");
        }
        if (!is_in(name->words[i], trailers)) {
            return false;
        }
    }
    return false;
}

static bool read_name(struct str left, struct name *ret)
{
    struct str rest = trim_operator(left);
    split(name_before(named_elsewhere(rest)), ret);
    return ret->count > 0;
}

bool before_secret(struct str left)
{
    struct name name;
    return read_name(left, &name) && is_secret(&name);
}

bool before_password(struct str left)
{
    struct name name;
    return (read_name(left, &name) && is_password(&name)) || is_password_abroad(left);
}

/* In letters that are not Latin, as the folded view has them. */
static bool is_password_abroad(struct str left)
{
    static const char *const words[] = {
        "пароль", "密码", "密碼", "كلمة المرور", "סיסמה", "haslo", "hasło", "κωδικος",
        /* パスワード, 비밀번호: decomposed */
        "\xe3\x83\x8f\xe3\x82\x9a\xe3\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x88"
        "\xe3\x82\x99",
        "\xe1\x84\x87\xe1\x85\xb5\xe1\x84\x86\xe1\x85\xb5\xe1\x86\xaf\xe1\x84\x87"
        "\xe1\x85\xa5\xe1\x86\xab\xe1\x84\x92\xe1\x85\xa9"};
    struct str rest = trim_operator(left);
    if (rest.len < 4 || (unsigned char)rest.ptr[rest.len - 1] < 0x80) {
        rest.len = rest.len > 0 && rest.ptr[rest.len - 1] == 'o' ? rest.len : 0;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_ends(rest, str_from(words[i]))) {
            return true;
        }
    }
    return false;
}

/* f("API_KEY", " */
bool before_secret_argument(struct str left)
{
    return left.len > 0 && strchr("\"'`", left.ptr[left.len - 1]) != NULL && before_secret(left);
}

bool before_password_argument(struct str left)
{
    return left.len > 0 && strchr("\"'`", left.ptr[left.len - 1]) != NULL && before_password(left);
}

/* "the API key " is, "the wifi password " is: one blank, and no sign between. */
bool before_secret_said(struct str left)
{
    return left.len > 1 && left.ptr[left.len - 1] == ' ' &&
           is_word_byte((unsigned char)left.ptr[left.len - 2]) && before_secret(left);
}

bool before_password_said(struct str left)
{
    return left.len > 1 && left.ptr[left.len - 1] == ' ' &&
           is_word_byte((unsigned char)left.ptr[left.len - 2]) && before_password(left);
}

bool before_jwk(struct str left)
{
    struct name name;
    split(name_before(trim_operator(left)), &name);
    return name.count > 0 && is_in(name.words[0], " d p q dp dq qi k ") &&
           (str_find_str(left, STR("\"kty\"")) >= 0 || str_find_str(left, STR("\"crv\"")) >= 0 ||
            str_find_str(left, STR("\"e\"")) >= 0);
}
