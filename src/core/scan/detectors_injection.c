/* SPDX-License-Identifier: Apache-2.0
 *
 * Phrases of prompt injection, for what a model of words cannot see: marks of a dialogue's
 * format, an image that carries data away; and the few sentences that are the same
 * everywhere. Data only. Tier A is a strong sign, B one that counts with others; the sum is
 * made in injection.c, where the model has its say as well.
 */
#include "detector.h"

#define RULE(rule_name, rule_tier, rule_pattern)                                                   \
    {                                                                                              \
        .name = rule_name, .class = SCAN_INJECTION, .tier = SCAN_TIER_##rule_tier,                 \
        .flags = D_NOCASE | D_OFF, .width = 200, .pattern = rule_pattern                           \
    }

#define GAP "[^a-z0-9]{1,3}"
#define FEW "(?:[a-z']{1,14}[ ,]{1,3}){0,5}"

const struct detector detectors_injection[] = {
    RULE("ignore_instructions", A,
         "(?:ignore|disregard|forget|override|bypass|neglect|discard)" GAP FEW
         "(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|commands?|"
         "constraints?|restrictions?|polic(?:y|ies)|safeguards?|programming|training)\\b"),
    RULE("ignore_before", B,
         "(?:ignore|disregard|forget)" GAP "(?:everything|all|anything|what)" GAP FEW
         "(?:above|before|previous(?:ly)?|prior|earlier|so far|you know|told you|were "
         "told|said)\\b"),
    RULE("ignore_and_do", A,
         "(?:ignore|disregard|forget)" GAP
         "(?:everything|all (?:of (?:this|that)|that|the rest)|the (?:above|rest|text))" GAP FEW
         "(?:print|output|say|reply|respond|answer (?:only )?with|write)\\b"),
    RULE("ignore_german", A,
         "(?:vergiss|vergessen sie|ignoriere?n?(?: sie)?|missachten? sie)" GAP
         "[^.!?\\n]{0,40}?(?:anweisung|aufgaben|davor|vorherig|bisherig|obige|regeln|instruktion|"
         "befehl|auftr|vorgaben)"),
    RULE("ignore_romance", A,
         "(?:ignora|olvida|oublie[zr]?|ignore[zr]|dimentica|esquec[^a-z0-9]{0,2}a)" GAP
         "[^.!?\\n]{0,40}?(?:instruc|instruz|instru|consigne|reglas|regole|r.{0,2}gles|ordenes)"),
    RULE("reveal_prompt", A,
         "(?:show|reveal|print|repeat|output|display|leak|dump|disclose|recite)" GAP FEW
         "(?:system|initial|hidden|secret|original|developer) "
         "(?:prompts?|instructions?|messages?|rules|configuration)\\b"),
    RULE("repeat_above", B,
         "(?:repeat|print|output|return|copy|display)" GAP
         "(?:everything|all|the (?:whole |entire |full )?(?:words|text|sentences?|lines))" GAP FEW
         "(?:above|before this|preceding|so far)\\b"),
    RULE("jailbreak_names", A,
         "(?:do anything now|dan mode|as dan\\b|stay a dan|antidan|developer mode (?:enabled|on\\b|"
         "output)|jailbr(?:eak|oken) (?:mode|yourself|prompt)|god mode (?:on|enabled)|evil mode)"),
    RULE("unfiltered_persona", B,
         "(?:unfiltered|uncensored|amoral|unrestricted|unethical|immoral)" GAP FEW
         "(?:ai|assistant|chatbot|bot|model|character|persona|responses?|answers?)\\b"),
    RULE("never_refuse", B,
         "(?:never|cannot|can't|must not|will not|won't|don't|do not) (?:refuse|decline|"
         "break character|say (?:that )?you (?:can't|cannot)|mention (?:that )?you are an ai)"),
    RULE("safety_off", B,
         "(?:admin|administrator|developer|security|safety|filter)s?" GAP
         "(?:override|filters? (?:off|disabled)|protocols? (?:off|disabled)|mode: off)\\b"),
    RULE("chat_marks", A,
         "(?:im_start\\||im_end\\||endoftext\\||begin_of_text\\||start_header_id\\||eot_id\\|)"),
    RULE("instruction_marks", A, "(?:INST\\]|SYS>>)"),
    RULE("role_header", B, "(?:system|developer) ?: ?(?:you are|ignore|new|from now)"),
    RULE("orders_to_machines", B,
         "(?:ais?|llms?|assistants?|chatbots?|language models?|summari[sz]ers?)[,:]? "
         "(?:must|has to|have to|that reads? this|reading this|processing this)\\b"),
    RULE("carry_away", A,
         "(?:send|post|forward|exfiltrate|upload|append)" GAP FEW
         "(?:conversation|chat history|credentials|api keys?|passwords?|session tokens?|"
         "environment variables?)" GAP FEW
         "(?:to|into|at|via) (?:https?|the (?:url|address)|this|our)"),
    RULE(
        "image_with_data", B,
        "\\(https?://[^)\\s]{1,120}[?&=][^)\\s]{0,60}(?:\\{|\\[|<|secret|prompt|history|password)"),
};
const size_t detectors_injection_count =
    sizeof(detectors_injection) / sizeof(detectors_injection[0]);
