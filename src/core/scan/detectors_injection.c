/* SPDX-License-Identifier: Apache-2.0
 *
 * Phrases of prompt injection, English and German first. Data only. Tier A says so by
 * itself (.9), B is a strong sign (.6), C a weak one that counts with others (.3); the
 * sum is made in injection.c, where the n-gram model has its say as well.
 */
#include "detector.h"

#define RULE(rule_name, rule_tier, rule_pattern)                                                   \
    {                                                                                              \
        .name = rule_name, .class = SCAN_INJECTION, .tier = rule_tier,                             \
        .flags = D_NOCASE | D_OFF, .width = 200, .pattern = rule_pattern                           \
    }

#define GAP "[^a-z0-9]{1,3}"
#define FEW "(?:[a-z']{1,14}[ ,]{1,3}){0,5}"

const struct detector detectors_injection[] = {
    RULE("ignore_instructions", SCAN_TIER_A,
         "(?:ignore|disregard|forget|override|bypass|skip|neglect|drop|discard)" GAP FEW
         "(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|commands?|"
         "assignments?|tasks?|orders?|constraints?|restrictions?|polic(?:y|ies)|safeguards?)"),
    RULE("ignore_before", SCAN_TIER_A,
         "(?:ignore|disregard|forget|neglect)" GAP FEW "(?:above|before|previous(?:ly)?|prior|"
         "preceding|earlier|so far|until now|you(?:'ve| have)? (?:been told|learned|know)|"
         "(?:i|we)(?:'ve| have)? (?:told|said))"),
    RULE("forget_all", SCAN_TIER_B, "forget" GAP "(?:all|everything|about|what)\\b"),
    RULE("vergiss", SCAN_TIER_A,
         "(?:vergiss|vergessen sie|ignoriere?n?(?: sie)?|missachten? sie)[^a-z0-9]{1,3}"
         "[^.!?\\n]{0,60}?(?:alles|anweisung|aufgabe|davor|vorher|bisher|oben|regel|instruktion|"
         "gesagt|befehl|auftr|information)"),
    RULE("ignore_romance", SCAN_TIER_A,
         "(?:ignora|olvida|oublie[zr]?|ignore[zr]|dimentica|esquec[^a-z0-9]{0,2}a)[^a-z0-9]{1,3}"
         "[^.!?\\n]{0,50}?"
         "(?:instruc|anterior|pr.{1,3}c.{1,3}dent|todo|tout|tutto|tudo)"),
    RULE("system_prompt", SCAN_TIER_A,
         "(?:show|reveal|print|repeat|output|display|tell|give|write|say|leak|expose|dump|copy|"
         "what(?: i|')s|what (?:is|are|were))" GAP FEW
         "(?:system|initial|original|hidden|secret|your|prompt|above|internal)" GAP FEW
         "(?:prompts?|instructions?|messages?|rules|guidelines|text|directives?|configuration)\\b"),
    RULE("prompt_text", SCAN_TIER_A,
         "(?:your|the|all) (?:whole |entire |full |complete |initial )?(?:prompt(?: text)?s?|"
         "system prompt|system message|initial instructions)\\b"),
    RULE("new_task", SCAN_TIER_B,
         "(?:now |please )?(?:focus on|concentrate on|here (?:is|are)|i have|your) "
         "(?:your |a |my )?(?:new|next|actual|real|main) (?:task|instruction|assignment|order|"
         "question|role|goal)s?"),
    RULE("new_instructions", SCAN_TIER_B,
         "(?:new|updated|important|urgent|additional|following) (?:system )?instructions?\\b"),
    RULE("neue_aufgabe", SCAN_TIER_B,
         "(?:neuen?|n.{1,3}chsten?|eigentlichen?) (?:aufgaben?|anweisung|auftrag|herausforderung)"),
    RULE("act_as", SCAN_TIER_C, "(?:act|behave|respond|answer|speak|pretend) (?:as|like)\\b"),
    RULE("i_want_you_to_act", SCAN_TIER_B,
         "i want you to (?:act|pretend|play|simulate|respond|become|imitate|roleplay|ignore)"),
    RULE("ich_moechte_dass", SCAN_TIER_B,
         "(?:ich m.{1,3}chte|stell(?:en)? sie sich|stell dir|tun sie so|tu so)[^.!?\\n]{0,40}?"
         "(?:fungier|agier|verh.{1,3}lt|handel|vor|als)"),
    RULE("fungieren", SCAN_TIER_B, "(?:fungieren|agieren|verhalten) sie(?: sich)? (?:als|wie)\\b"),
    RULE("you_are_now", SCAN_TIER_B,
         "(?:from now on|you are now|you're now|you will now|you are going to|"
         "starting now|von nun an|ab jetzt|sie sind jetzt|du bist jetzt)\\b"),
    RULE("dan", SCAN_TIER_A,
         "(?:do anything now|dan mode|stay (?:in|a) dan|as dan\\b|jailbr(?:eak|oken)|"
         "developer mode|dev mode|god mode|antidan|dude mode|evil (?:bot|mode)|opposite mode)"),
    RULE("no_limits", SCAN_TIER_A,
         "(?:no|without(?: any)?|free (?:of|from)(?: all)?|bypass(?:es|ing)?|not bound by)" GAP FEW
         "(?:restrictions?|limitations?|filters?|censorship|ethic(?:s|al)|moral(?:s|ity)?|"
         "guidelines|rules|boundaries|safety|content polic(?:y|ies))"),
    RULE("never_refuse", SCAN_TIER_B,
         "(?:never|don't|do not|cannot|can't|must not|will not|won't) (?:refuse|decline|warn|"
         "apologi[sz]e|say (?:no|you can)|mention (?:that )?you|break character|tell me you)"),
    RULE("pretend_you", SCAN_TIER_C,
         "(?:pretend|imagine|suppose|assume|act as if|roleplay|role-play)" GAP
         "(?:that )?(?:you|to be|we)\\b"),
    RULE("maintenance", SCAN_TIER_B,
         "(?:maintenance|debug(?:ging)?|admin(?:istrator)?|root|sudo|unrestricted|test) "
         "(?:mode|access|override)\\b"),
    RULE("chat_markup", SCAN_TIER_A,
         "(?:im_start|im_end|endoftext|begin_of_text|start_header_id|eot_id)\\b"),
    RULE("role_header", SCAN_TIER_C, "(?:system|assistant|user) ?: ?(?:you|ignore|new|i )"),
    RULE("tool_output_order", SCAN_TIER_B,
         "(?:ai|assistant|llm|model|agent|chatbot)s?[,:]? (?:must|should|please|need to|has to|"
         "have to|reading this|processing this)\\b"),
    RULE("exfiltrate", SCAN_TIER_A,
         "(?:send|post|forward|exfiltrate|upload|append|encode)" GAP FEW "(?:conversation|chat "
         "history|credentials|api keys?|passwords?|secrets?|environment variables?)" GAP FEW
         "(?:to|into|at|via|as)\\b"),
    RULE("data_image", SCAN_TIER_B, "\\(https?://[^)\\s]{1,120}(?:\\?|=)[^)\\s]{0,60}"
                                    "(?:\\{|\\[|<|data=|q=|secret|prompt)"),
    RULE("say_exactly", SCAN_TIER_C,
         "(?:say|print|output|write|respond with|answer with|reply with|only say|just say)" GAP
         "(?:exactly|only|just|nothing but|i have been|hacked|pwned)"),
    RULE("well_done", SCAN_TIER_B,
         "(?:well done|great job|good job|gut gemacht|super|perfekt|danke|thank you|thanks|"
         "oh,? (?:thanks|sorry))[!.,]{0,3} (?:now|but|here|next|nun|jetzt|please|forget|all|lass|"
         "i (?:also )?(?:have|want)|we)"),
    RULE("above_text", SCAN_TIER_B,
         "(?:spell ?check|translate|summari[sz]e|repeat|return|print|copy|proofread|rewrite)" GAP
         "(?:and )?" FEW "(?:above|preceding|previous|before this|this prompt|complete prompt)"),
    RULE("start_with", SCAN_TIER_C,
         "(?:start|begin|starting|beginning) (?:your (?:answer|response|reply|sentence)s? )?"
         "(?:with|by|from)\\b"),
};
const size_t detectors_injection_count =
    sizeof(detectors_injection) / sizeof(detectors_injection[0]);
