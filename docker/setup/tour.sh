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
    tour_block
    tour_redact
    tour_live_change
    tour_slots
    tour_audit
    [ "$TOUR_FAILED" -eq 0 ]
}

tour_plain() {
    tour_title "Every SDK speaks to the gateway as it speaks to the provider"
    tour_ask "a chat completion passes" 200 '"choices"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'Say hello.')"
    tour_ask "the same as a stream" 200 'data: [DONE]' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'Say hello.' '"stream":true,')"
    tour_ask "Anthropic's Messages API passes" 200 '"content"' "" /v1/messages "$DEVELOPER_KEY" \
        '{"model":"claude-sonnet-4-20250514","max_tokens":64,"messages":[{"role":"user","content":"Say hello."}]}'
    tour_ask "an unknown key is refused" 401 '"error"' "" \
        /v1/chat/completions "no-such-key" "$(tour_chat 'Say hello.')"
}

tour_block() {
    tour_title "A policy that blocks"
    tour_ask "the owner creates it" 201 'tour_secrets' "" /v1/policies "$OWNER_KEY" \
        '{"policy_name":"tour_secrets","rules":[{"type":"content_filter","patterns":["password","api_key"],"action":"block"}]}'
    TOUR_POLICY=$(tour_member id)
    tour_ask_until "a prompt with a password is refused, and says why" 403 'tour_secrets' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'My password is hunter2.')"
    tour_ask "other prompts still pass" 200 '"choices"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'Say hello.')"
}

tour_redact() {
    tour_title "A policy that edits what passes, and one that warns"
    tour_ask "redact personal data" 201 'Tour PII' "" /v1/policies "$OWNER_KEY" \
        '{"name":"Tour PII","policy_type":"content","config":{"evaluate_output":true,"pii_detection":{"enabled":true,"types":["ssn","email"],"action":"redact","redaction_format":"[REDACTED]"},"on_violation":"soft_block"}}'
    tour_ask_until "an address in the answer is redacted" 200 '[REDACTED]' 'jane.doe@example.com' \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'Write to jane.doe@example.com today.')"
    tour_ask_until "in a stream too" 200 '[REDACTED]' 'jane.doe@example.com' \
        /v1/chat/completions "$DEVELOPER_KEY" \
        "$(tour_chat 'Write to jane.doe@example.com today.' '"stream":true,')"
    tour_ask "warn about a word" 201 'Tour words' "" /v1/policies "$OWNER_KEY" \
        '{"name":"Tour words","policy_type":"content","config":{"blocked_terms":{"enabled":true,"terms":["kumquat"],"action":"warn"},"on_violation":"warn"}}'
    tour_ask_until "it passes, with a warning" 200 'Tour words' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'Tell me about the kumquat.')"
}

tour_live_change() {
    tour_title "A policy changes while requests run"
    tour_ask "allow a password, block a kumquat" 200 'kumquat' "" "PATCH /v1/policies/$TOUR_POLICY" \
        "$OWNER_KEY" '{"rules":[{"type":"content_filter","patterns":["kumquat"],"action":"block"}]}'
    tour_ask_until "the kumquat is refused now" 403 'tour_secrets' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'Tell me about the kumquat.')"
    tour_ask "the password passes now" 200 '"choices"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'My password is hunter2.')"
}

tour_slots() {
    tour_title "The caller chooses a governance slot"
    tour_ask "a slot that does not exist is refused" 400 '"error"' "" \
        /v1/chat/completions "$DEVELOPER_KEY" "$(tour_chat 'Say hello.' '"governance_policy":11,')"
}

tour_audit() {
    tour_title "Every decision is on record"
    tour_ask_until "the audit log shows the block" 200 '"decision":"block"' 'hunter2' \
        "GET /v1/audit?limit=20" "$OWNER_KEY" ""
    tour_ask "the developer may not read it" 403 '"error"' "" \
        "GET /v1/audit?limit=20" "$DEVELOPER_KEY" ""
}

tour_title() {
    printf '\n%s\n' "$1"
}

# tour_chat TEXT [MEMBERS]: the body of a chat completion.
tour_chat() {
    printf '{"model":"gpt-4o-mini",%s"messages":[{"role":"user","content":"%s"}]}' "${2:-}" "$1"
}

# tour_ask WHAT STATUS HOLDS LACKS "[METHOD ]PATH" KEY BODY
tour_ask() {
    tour_send "${@:5}"
    if tour_matches "$2" "$3" "$4"; then
        printf '  ok      %-48s %s\n' "$1" "$TOUR_STATUS"
    else
        TOUR_FAILED=$((TOUR_FAILED + 1))
        printf '  FAILED  %-48s got %s, expected %s with %s%s\n' "$1" "$TOUR_STATUS" "$2" "$3" \
            "${4:+ and without $4}"
        printf '          %s\n          sent: %s\n' "$5" "$7"
        head -c 1500 "$STATE/run/body" | sed 's/^/          /'
        echo
    fi
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
        curl -sS -N -K - -m 30 -X "$method" -o "$STATE/run/body" -w '%{http_code}' \
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
