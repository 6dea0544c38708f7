/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a value behind a name ends: in a query, in a file of settings, on a command line, in
 * quotes, in code. What is marked is redacted, all of it and nothing behind it; the same in
 * a stream, wherever it is cut.
 */
#include "scan_test.h"

#define TEXT_MAX 512U

/* << and >> mark what has to go. Without them nothing has to. */
static const char *const cases[] = {
    /* settings: to the blank, whatever signs are in it */
    "password=<<ab&cd(ef1X>>",
    "password=<<ab&cd(ef9Z>>, then",
    "DB_PASSWORD=<<ab&cd=ef1X>>\nDB_HOST=db1",
    "export DB_PASSWORD=<<Xk7m(Q2pL9v>> && ./run",
    "PASSWORD=<<Xk7m&Q2p|L9v;z,y>>\n",
    "password: <<p4(ss)w0&rd{x>>",
    "passwd = <<9v[Q2]pL#z>> # the old one",
    "password=<<ab\\cd1X9z>>",
    "password=<<ab<cd>1X9z>>",
    "password=<<ab'cd1X9z>>",
    "API_SECRET=<<k9Qz&7Lm(2Wp8Rt5>>",
    /* a query, a form, a list of pairs: to the next one */
    "https://x.example/login?user=bob&password=<<ab(cd1X9>>&next=1",
    "https://x.example/?password=<<Xk7m(Q2p>>#top",
    "password=<<Xk7mQ2pL9v>>&username=bob",
    "username=bob&password=<<Xk7mQ2pL9v>>&x",
    "password=<<Xk7mQ2pL9v>>&amp;username=bob",
    "Server=db1;Password=<<Xk7m&Q2p(L9v>>;Database=d",
    "user=bob;password=<<Xk7mQ2pL9v>>;Initial Catalog=d",
    "user=bob,password=<<Xk7mQ2pL9v>>,db=1",
    "user: bob, password: <<Xk7m&Q2pL9v>>, db: 1",
    "| user: bob | password: <<Xk7mQ2pL9v>>|",
    /* code and JSON without quotes: to the bracket that was open */
    "connect(password=<<Xk7mQ2pL9v>>).run()",
    "connect(host=h, password=<<Xk7mQ2pL9v>>, user=u)",
    "{user: bob, password: <<Xk7m&Q2pL9v>>}",
    "[password=<<Xk7mQ2pL9v>>]",
    "password: \"<<Xk7mQ2(pL9v>>\"",
    "(password: <<Xk7m(Q2)pL9v>>).",
    "<password><<Xk7m&Q2pL9v>></password>",
    "<b>password: <<Xk7mQ2pL9v>></b>",
    "password: <<Xk7mQ2pL9v>><br> more",
    "<add password=<<Xk7mQ2pL9v>>>",
    "{\"log\": \"password=<<Xk7m&Q2pL9v>>\", \"a\": 1}",
    "{\\\"log\\\": \\\"password=<<Xk7m(Q2pL9v>>\\\"}",
    "\"a\\npassword=<<Xk7m&Q2pL9v>>\\nb\"",
    /* in quotes: to the quote that ends it */
    "password=\"<<ab'cd1X9>>\"",
    "password=\"<<Xk7mQ2pL9v is;) mine>>\" # old",
    "password: '<<Xk7m\"Q2p(L9v>>'",
    "\"password\": \"<<Xk7m\\\"Q2pL9v>>\", \"a\": \"b\"",
    "{\\\"password\\\": \\\"<<Xk7m&Q2pL9v>>\\\", \\\"a\\\": 1}",
    "password=\"<<Xk7mQ2pL9v;)>>\"",
    "login --password '<<Xk7m\"Q2&pL9v>>' --user bob",
    "login --password <<Xk7m&Q2(pL9v>> --user bob",
    "connect(\"password\", \"<<Xk7m'Q2p(L9v>>\")",
    "my wifi password is \"<<Xk7m'Q2pL9v>>\".",
    "client_secret = '<<k9Qz\"7Lm2Wp8Rt5>>'",
    "secret=\"<<k9Qz7Lm2Wp8Rt5&y(xy>>\"",
    /* what is none stays none */
    "password=getPassword(user1, x)",
    "password=\"\", user=\"User1x\"",
    "password='',User1='x'",
    "password = get(\"k\")(x1)&y",
    "password=${DB_PASSWORD}&x=1Ab",
    "password: string|null=User1|x",
    "https://x.example/?password=&user=User12",
    "if (password == null && user1.ok(2))",
    "secret=a,b,c",
};

static size_t unmark(const char *marked, char *ret, size_t *from, size_t *to)
{
    const char *open = strstr(marked, "<<");
    const char *close = open != NULL ? strstr(open, ">>") : NULL;
    size_t n = 0;
    *from = *to = 0;
    for (const char *c = marked; *c != '\0'; c++) {
        if (c == open) {
            *from = n;
            c++;
        } else if (c == close) {
            *to = n;
            c++;
        } else {
            ret[n++] = *c;
        }
    }
    return n;
}

static void redact_in_pieces(struct scan_world *w, struct str text, size_t cut, struct buf *out)
{
    struct scan_sieve sieve;
    w->keys.names_count = 0;
    scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, SCAN_VIEW_ALL, 1U << 16);
    size_t step = cut == 0 ? 1 : cut;
    for (size_t at = 0; at < text.len;) {
        struct str piece = str_sub(text, at, at + step);
        assert_int_equal(scan_sieve_feed(&sieve, piece, out, NULL), ERR_OK);
        at += step;
        step = cut == 0 ? 1 : text.len;
    }
    assert_int_equal(scan_sieve_close(&sieve, out, NULL), ERR_OK);
    scan_sieve_fini(&sieve);
}

static void test_values_go_to_their_end(void **state)
{
    (void)state;
    static struct scan_world w;
    struct buf wanted;
    struct buf got;
    unsigned failed = 0;
    scan_world_init(&w, "secret", NULL, 0);
    w.action.format = STR("#");
    buf_init(&wanted, 4096);
    buf_init(&got, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_MAX];
        size_t from;
        size_t to;
        size_t len = unmark(cases[i], text, &from, &to);
        buf_clear(&wanted);
        buf_add(&wanted, (struct str){text, from});
        buf_add(&wanted, to > from ? STR("#") : STR(""));
        buf_add(&wanted, (struct str){text + to, len - to});
        buf_clear(&got);
        scan_world_redact(&w, (struct str){text, len}, SCAN_VIEW_ALL, &got);
        if (!str_eq(buf_str(&got), buf_str(&wanted))) {
            print_error("text   %.*s\nwanted %.*s\ngot    %.*s\n", (int)len, text,
                        STR_ARG(buf_str(&wanted)), STR_ARG(buf_str(&got)));
            failed++;
            continue;
        }
        for (size_t cut = 0; cut < len; cut++) {
            buf_clear(&got);
            redact_in_pieces(&w, (struct str){text, len}, cut, &got);
            if (!str_eq(buf_str(&got), buf_str(&wanted))) {
                print_error("text   %.*s\ncut %zu\ngot    %.*s\n", (int)len, text, cut,
                            STR_ARG(buf_str(&got)));
                failed++;
                break;
            }
        }
    }
    assert_int_equal(failed, 0);
    buf_fini(&wanted);
    buf_fini(&got);
    scan_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_go_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
