/* SPDX-License-Identifier: Apache-2.0
 *
 * In which shape a policy is read, changed and shown. All routes are views of one
 * store (C-3). /v1/policies shows a policy in the shape it was written in, which a
 * create finds in the body: `policy_name` is S4's, `config` S2's, anything else
 * canonical; ?view= asks for one shape. Pure.
 */
#include "manage_private.h"

static const struct {
    const char *name;
    enum manage_view view;
} named[] = {{"native", MANAGE_NATIVE},
             {"config", MANAGE_CONFIG},
             {"enforcement", MANAGE_ENFORCEMENT},
             {"rules", MANAGE_RULES},
             {"governance", MANAGE_GOVERNANCE}};

const struct codec_shape *manage_shape_of(enum manage_view view)
{
    switch (view) {
    case MANAGE_RULES:
        return &codec_rules_shape;
    case MANAGE_CONFIG:
        return &codec_config_shape;
    case MANAGE_ENFORCEMENT:
        return &codec_enforcement_shape;
    case MANAGE_NATIVE:
    case MANAGE_OWN:
    case MANAGE_GOVERNANCE:
    case MANAGE_COMPLIANCE:
    case MANAGE_TEMPLATE:
        break;
    }
    return NULL;
}

enum err manage_view_take(struct manage_command *c, struct manage_refusal *refusal)
{
    struct str name = c->filter.view;
    if (name.len == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (str_eq(name, str_from(named[i].name))) {
            c->view = named[i].view;
            return ERR_OK;
        }
    }
    manage_refuse(refusal, 400, "invalid_request", "view",
                  "view must be one of: native, config, enforcement, rules, governance");
    return ERR_INVALID;
}

enum manage_view manage_view_of_body(yyjson_val *body)
{
    return json_get(body, STR("policy_name")) != NULL ? MANAGE_ENFORCEMENT
           : json_get(body, STR("config")) != NULL    ? MANAGE_CONFIG
                                                      : MANAGE_NATIVE;
}

/* The view itself; MANAGE_OWN becomes the one that shows this policy. */
static enum manage_view view_for(enum manage_view asked, const struct policy *p)
{
    if (asked != MANAGE_OWN) {
        return asked;
    }
    enum manage_view own = p->origin == POLICY_CONFIG        ? MANAGE_CONFIG
                           : p->origin == POLICY_ENFORCEMENT ? MANAGE_ENFORCEMENT
                                                             : MANAGE_NATIVE;
    const struct codec_shape *shape = manage_shape_of(own);
    return shape != NULL && codec_shape_fits(shape, p) ? own : MANAGE_NATIVE;
}

void manage_view_write(struct buf *out, enum manage_view view, const struct policy *p)
{
    view = view_for(view, p);
    const struct codec_shape *shape = manage_shape_of(view);
    if (shape != NULL) {
        codec_shape_write(shape, out, p);
    } else if (view == MANAGE_GOVERNANCE) {
        codec_governance_write(out, p);
    } else if (view == MANAGE_COMPLIANCE) {
        codec_compliance_write(out, p);
    } else {
        codec_canonical_write(out, p);
    }
}

const char *manage_view_location(enum manage_view view)
{
    return view == MANAGE_GOVERNANCE ? "/governance/gpol_"
           : view == MANAGE_RULES    ? "/api/v1/policies/policy_"
                                     : "/v1/policies/pol_";
}

enum err manage_policy_patch(struct arena *a, const struct manage_command *c,
                             const struct policy *stored, const struct policy_build *with,
                             struct policy *ret, struct manage_refusal *ret_refusal)
{
    const struct route_catalog *catalog = with->catalog;
    struct issue issue = {.offset = UINT64_MAX};
    struct codec_reader r = {a, catalog, &issue, with->services};
    enum manage_view view = view_for(c->view, stored);
    const struct codec_shape *shape = manage_shape_of(view);
    enum err e = shape != NULL ? codec_shape_patch(shape, &r, stored, c->body, ret)
                 : view == MANAGE_GOVERNANCE
                     ? codec_governance_patch(a, stored, c->body, catalog, ret, &issue)
                     : codec_native_patch(&r, stored, c->body, ret);
    if (e != ERR_OK) {
        manage_refuse(ret_refusal,
                      e == ERR_CONFLICT      ? 409
                      : e == ERR_UNSUPPORTED ? 422
                      : e == ERR_MEMORY      ? 503
                                             : 400,
                      e == ERR_CONFLICT      ? "other_dialect"
                      : e == ERR_UNSUPPORTED ? "not_enforced"
                                             : "invalid_request",
                      issue.pointer, "%s", issue.message);
        return e;
    }
    return manage_policy_check(ret, with, ret_refusal);
}
