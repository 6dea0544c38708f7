/* SPDX-License-Identifier: Apache-2.0
 *
 * Scanning a whole text: its folded view (which is the text itself when it is ASCII),
 * then the other views that were asked for and that differ from it. One scratch per
 * thread; nothing is kept between calls.
 */
#include "scan_private.h"
#include "views.h"
#include <stdlib.h>

#define SCRATCH_BYTES_MAX (256U << 20)

static enum err scan_view(const struct scan_set *set, struct scan_scratch *scratch,
                          const struct view *view, struct scan_findings *findings);

enum err scan_scratch_new(struct scan_scratch **ret_scratch)
{
    struct scan_scratch *s = calloc(1, sizeof(*s));
    *ret_scratch = s;
    if (s == NULL) {
        return ERR_MEMORY;
    }
    buf_init(&s->text, SCRATCH_BYTES_MAX);
    buf_init(&s->from, SCRATCH_BYTES_MAX);
    buf_init(&s->to, SCRATCH_BYTES_MAX);
    buf_init(&s->text2, SCRATCH_BYTES_MAX);
    buf_init(&s->from2, SCRATCH_BYTES_MAX);
    buf_init(&s->to2, SCRATCH_BYTES_MAX);
    arena_init(&s->arena, 1U << 20);
    return ERR_OK;
}

void scan_scratch_free(struct scan_scratch *scratch)
{
    if (scratch == NULL) {
        return;
    }
    hs_free_scratch(scratch->hs);
    buf_fini(&scratch->text);
    buf_fini(&scratch->from);
    buf_fini(&scratch->to);
    buf_fini(&scratch->text2);
    buf_fini(&scratch->from2);
    buf_fini(&scratch->to2);
    arena_fini(&scratch->arena);
    free(scratch);
}

enum err scan_scratch_fit(struct scan_scratch *scratch, const struct scan_set *set)
{
    if (set->literals == NULL) {
        return ERR_OK;
    }
    return hs_alloc_scratch(set->literals, &scratch->hs) == HS_SUCCESS ? ERR_OK : ERR_MEMORY;
}

enum err scan_text(const struct scan_set *set, struct scan_scratch *scratch, struct str text,
                   unsigned views, struct scan_findings *findings)
{
    if (text.len > UINT32_MAX / 2) {
        return ERR_LIMIT;
    }
    struct view plain = {.text = text};
    bool is_plain = (views & SCAN_VIEW_FOLD) == 0 || is_ascii(text);
    if (!is_plain) {
        TRY(view_fold(scratch, text, &plain));
    }
    TRY(scan_view(set, scratch, &plain, findings));
    static const enum scan_views others[] = {SCAN_VIEW_SKELETON, SCAN_VIEW_MARKUP,
                                             SCAN_VIEW_DECODED};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct view other;
        bool is_different = false;
        if ((views & others[i]) != 0) {
            TRY(view_other(scratch, others[i], &plain, &other, &is_different));
        }
        if (is_different) {
            TRY(scan_view(set, scratch, &other, findings));
        }
    }
    findings_sort(findings);
    return ERR_OK;
}

static enum err scan_view(const struct scan_set *set, struct scan_scratch *scratch,
                          const struct view *view, struct scan_findings *findings)
{
    struct cursor c;
    cursor_init(&c, set, view, true, findings);
    if (view->text.len == 0) {
        return ERR_OK;
    }
    bool is_walk = set->terms_count > 0 && terms_scan(set, scratch->hs, &c) != ERR_OK;
    cursor_run(&c, 0, is_walk);
    return ERR_OK;
}
