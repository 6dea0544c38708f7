# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The tour of ./quickstart: real requests to a running gateway, and for each what must come back.
# A stop of the tour that shows something else is counted and shown in full. Policies are made by
# the tour itself, through the management API, so a reader sees where each effect comes from.
# Sourced, defines functions only. Needs STATE, GATEWAY (URL), OWNER_KEY, DEVELOPER_KEY.

TOUR_FAILED=0

tour_run() {
    tour_plain
    tour_governance
    tour_live_change
    tour_content
    tour_preview
    tour_record
    [ "$TOUR_FAILED" -eq 0 ]
}

tour_plain() {
    tour_title "Every SDK speaks to the gateway as it speaks to the provider"
    tour_ask "a chat completion passes" 200 '"choices"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat gpt-4o-mini)"
    tour_ask "the same as a stream" 200 'data: [DONE]' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat gpt-4o-mini '"stream":true,')"
    tour_ask "Anthropic's Messages API passes" 200 '"content"' "" \
        /v1/messages "$DEVELOPER_KEY" "$(tour_chat claude-sonnet-4-20250514 '"max_tokens":64,')"
    tour_ask "an unknown key is refused" 401 '"error"' "" \
        /v1/chat/completions "no-such-key" "$(tour_chat gpt-4o-mini)"
}

tour_governance() {
    tour_title "Governance slots: which providers may see a request"
    tour_ask "the default (HIPAA) blocks a provider in China" 403 'GOVERNANCE_BLOCKED' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat deepseek/deepseek-chat)"
    tour_ask "slot 2 (Development) lets Groq pass, with a warning" 200 \
        "Provider 'groq' does not have BAA available" "" \
        /v1/chat/completions "$DEVELOPER_KEY" \
        "$(tour_chat groq/llama-3.1-8b-instant '"governance_policy":2,')"
    tour_ask "slot 1 (HIPAA) blocks the same request" 403 'GOVERNANCE_BLOCKED' "" \
        /v1/chat/completions "$DEVELOPER_KEY" \
        "$(tour_chat groq/llama-3.1-8b-instant '"governance_policy":1,')"
    tour_ask "a slot that does not exist is an error, not a gap" 400 '"error"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat gpt-4o-mini '"governance_policy":11,')"
}

tour_live_change() {
    local rules='"rules":[{"key":"models","type":"model_list","effect":"block","stage":"select"'
    tour_title "Policies change while requests run"
    tour_ask "the owner restricts models in development" 201 'tour models' "" \
        /v1/policies "$OWNER_KEY" "{\"name\":\"tour models\",\"scope\":{\"level\":\"environment\",
            \"environment\":\"development\"},$rules,\"params\":{\"allow\":[\"gpt-4o-mini\"]}}]}"
    TOUR_POLICY=$(tour_member id)
    tour_ask_until "the developer's gpt-4o is refused" 403 '"error"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat gpt-4o)"
    tour_ask "gpt-4o-mini still passes" 200 '"choices"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat gpt-4o-mini)"
    tour_ask "the owner allows gpt-4o as well" 200 'gpt-4o' "" \
        "PATCH /v1/policies/$TOUR_POLICY" "$OWNER_KEY" \
        "{$rules,\"params\":{\"allow\":[\"gpt-4o-mini\",\"gpt-4o\"]}}]}"
    tour_ask_until "now it passes, nothing was restarted" 200 '"choices"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat gpt-4o)"
    tour_ask "a developer may not change policies" 403 '"error"' "" \
        "DELETE /v1/policies/$TOUR_POLICY" "$DEVELOPER_KEY" ""
    tour_ask "the owner removes the policy" 204 '' "" \
        "DELETE /v1/policies/$TOUR_POLICY" "$OWNER_KEY" ""
}

tour_content() {
    local say='{"model":"gpt-4o-mini","messages":[{"role":"user","content":'
    tour_title "Rules about texts: redact, block"
    tour_ask "the owner has addresses redacted, numbers blocked" 201 'tour texts' "" \
        /v1/policies "$OWNER_KEY" '{"name":"tour texts","scope":{"level":"org"},"rules":[
            {"key":"mail","type":"pii","effect":"modify","stage":"request",
             "params":{"types":["email"],"method":"redact","format":"[{TYPE}]"}},
            {"key":"ssn","type":"pii","effect":"block","stage":"request",
             "params":{"types":["ssn"]}}]}'
    TOUR_POLICY=$(tour_member id)
    tour_ask_until "a social security number is not sent" 403 'PII detected: ssn' "536-90-4399" \
        /v1/chat/completions "$DEVELOPER_KEY" "${say}\"My number is 536-90-4399.\"}]}"
    tour_ask "an address is redacted, the request goes on" 200 '"choices"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "${say}\"Write to jane@example.com.\"}]}"
    tour_ask "what would be sent?" 200 'Write to [EMAIL].' "jane@example.com" \
        /v1/evaluate "$OWNER_KEY" \
        "{\"edited\":true,\"request\":${say}\"Write to jane@example.com.\"}]}}"
    tour_ask "the owner removes the policy" 204 '' "" \
        "DELETE /v1/policies/$TOUR_POLICY" "$OWNER_KEY" ""
}

tour_preview() {
    tour_title "Try rules before they are rules"
    tour_ask "which providers would HIPAA with a BAA leave?" 200 '"allowedProviders"' "" \
        /governance/validate "$OWNER_KEY" \
        '{"rules":{"minimumTrustTier":"most_trusted","requireHipaa":true,"requireBaa":true}}'
    tour_ask "what would happen to this request?" 200 '"decision"' "" \
        /v1/evaluate "$OWNER_KEY" '{"model":"deepseek/deepseek-chat","governance_policy":1}'
    tour_ask "a misspelt rule is an error with a hint" 400 'requireHipaa' "" \
        /governance/validate "$OWNER_KEY" '{"rules":{"requireHippa":true}}'
}

tour_record() {
    tour_title "Every decision is on record"
    tour_ask_until "the audit log shows the blocks" 200 '"decision":"block"' "" \
        "GET /v1/audit?limit=50" "$OWNER_KEY" ""
    tour_ask_until "the security events too" 200 'deepseek' "" \
        "GET /v1/security-events?limit=50" "$OWNER_KEY" ""
    tour_ask "the developer may not read them" 403 '"error"' "" \
        "GET /v1/audit?limit=50" "$DEVELOPER_KEY" ""
}

tour_title() {
    printf '\n%s\n' "$1"
}

# tour_chat MODEL [MEMBERS]: a body that both chat APIs understand.
tour_chat() {
    printf '{"model":"%s",%s"messages":[{"role":"user","content":"Say hello."}]}' "$1" "${2:-}"
}

# tour_ask WHAT STATUS HOLDS LACKS "[METHOD ]PATH" KEY BODY
tour_ask() {
    tour_send "${@:5}"
    if tour_matches "$2" "$3" "$4"; then
        printf '  ok      %-56s %s\n' "$1" "$TOUR_STATUS"
        tour_show_refusal
    else
        TOUR_FAILED=$((TOUR_FAILED + 1))
        printf '  FAILED  %-56s got %s, expected %s with %s%s\n' "$1" "$TOUR_STATUS" "$2" "$3" \
            "${4:+ and without $4}"
        printf '          %s\n          sent: %s\n' "$5" "$7"
        head -c 1500 "$STATE/run/body" | sed 's/^/          /'
        echo
    fi
}

# What a caller gets to read when a request is refused.
tour_show_refusal() {
    local why
    case $TOUR_STATUS in
    4*)
        why=$(sed -n 's/.*"violations" *: *\["\([^"]*\)".*/\1/p' "$STATE/run/body" | head -n 1)
        printf '          "%s"\n' "${why:-$(tour_member message)}"
        ;;
    esac
}

# tour_ask_until: the same, given 5 s for a new policy or a record to arrive.
tour_ask_until() {
    local tries
    for tries in {1..25}; do
        tour_send "${@:5}"
        if tour_matches "$2" "$3" "$4"; then
            break
        fi
        sleep 0.2
    done
    tour_ask "$@"
    : "$tries"
}

tour_send() {
    local method=POST path=$1 arguments=()
    case $path in
    *\ *)
        method=${path%% *}
        path=${path#* }
        ;;
    esac
    [ -z "$3" ] || arguments=(-H 'Content-Type: application/json' --data-binary "$3")
    # The key goes over standard input: a command line is everybody's to read.
    TOUR_STATUS=$(printf 'header = "Authorization: Bearer %s"\n' "$2" |
        curl -sS -i -N -K - -m 30 -X "$method" -o "$STATE/run/body" -w '%{http_code}' \
            "${arguments[@]}" "$GATEWAY$path" 2>"$STATE/run/curl.err") || {
        TOUR_STATUS="no answer"
        cp "$STATE/run/curl.err" "$STATE/run/body"
    }
}

tour_matches() {
    [ "$TOUR_STATUS" = "$1" ] && grep -qF -- "$2" "$STATE/run/body" &&
        { [ -z "$3" ] || ! grep -qF -- "$3" "$STATE/run/body"; }
}

# tour_member NAME: a string member of the last answer, wherever it stands first.
tour_member() {
    grep -o "\"$1\" *: *\"[^\"]*\"" "$STATE/run/body" | head -n 1 | cut -d '"' -f 4
}
