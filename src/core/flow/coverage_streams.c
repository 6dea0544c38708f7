/* SPDX-License-Identifier: Apache-2.0
 *
 * Every place of a stream where a text may stand, operation by operation, with the events
 * that say it. What the path makes of each is not written here: it is found out by
 * reading the example (coverage.c). Constant data.
 */
#include "coverage.h"

#define S(p, on, n, x) PLACE(STREAM, p, on, n, x)

#define CHUNK(choice)                                                                              \
    "{'id':'c','object':'chat.completion.chunk','created':1,'model':'m','choices':[{" choice       \
    ",'finish_reason':null}]}"
#define DELTA(members) CHUNK("'index':0,'delta':{" members "}")
#define CHAT(p, n, members)                                                                        \
    {                                                                                              \
        S(p, ON_CHAT, "choices[].delta." n, DELTA(members))                                        \
    }
#define CHAT_CALL(p, n, call) CHAT(p, "tool_calls[]." n, "'tool_calls':[{'index':0," call "}]")

#define TEXT_CHUNK(members)                                                                        \
    "{'id':'c','object':'text_completion','created':1,'model':'m','choices':[{'index':0," members  \
    ",'finish_reason':null}]}"

#define RESPONSES(p, n, event)                                                                     \
    {                                                                                              \
        S(p, ON_RESPONSES, n, event)                                                               \
    }
#define AT "'item_id':'i','output_index':0,'content_index':0,'sequence_number':1"
#define CALL_AT "'item_id':'i','output_index':0,'sequence_number':1"
#define ADDED(item)                                                                                \
    "{'type':'response.output_item.added','output_index':0,'sequence_number':1,'item':" item "}"
#define ITEM_DONE(item)                                                                            \
    "{'type':'response.output_item.done','output_index':0,'sequence_number':1,'item':" item "}"
/* The whole answer once more; nothing comes behind it. */
#define COMPLETED(item)                                                                            \
    "{'type':'response.completed','sequence_number':1,'response':{'id':'r','object':'response',"   \
    "'status':'completed','model':'m','output':[" item "]}}"
#define SAID                                                                                       \
    "{'type':'message','id':'i','role':'assistant','content':[{'type':'output_text',"              \
    "'text':'@'}]}"
#define CALLED "{'type':'function_call','id':'i','call_id':'c','name':'f','arguments':'{`to`:`@`}'}"
#define PAINTED "{'type':'image_generation_call','id':'i','result':'@'}"

#define BLOCK(p, n, block, deltas)                                                                 \
    {                                                                                              \
        S(p, ON_MESSAGES, n, START(block) deltas)                                                  \
    }
#define START(block) "{'type':'content_block_start','index':0,'content_block':" block "}"
#define BLOCK_DELTA(members) "\n{'type':'content_block_delta','index':0,'delta':{" members "}}"
#define TOOL_BLOCK "{'type':'tool_use','id':'t','name':'f','input':{}}"
#define TEXT_BLOCK "{'type':'text','text':''}"

/* lint: table */
const struct flow_place coverage_streams[] = {
    CHAT(TEXT, "content", "'content':'@'"),
    {S(TEXT, ON_CHAT, "choices[1].delta.content", CHUNK("'index':1,'delta':{'content':'@'}"))},
    CHAT(TEXT, "content[].text", "'content':[{'type':'text','text':'@'}]"),
    CHAT(REFUSAL, "refusal", "'refusal':'@'"),
    CHAT(REASONING, "reasoning_content", "'reasoning_content':'@'"),
    CHAT(REASONING, "reasoning", "'reasoning':'@'"),
    CHAT(REASONING, "reasoning_details[].text",
         "'reasoning_details':[{'type':'reasoning.text','index':0,'text':'@'}]"),
    CHAT(REASONING, "reasoning_details[].summary",
         "'reasoning_details':[{'type':'reasoning.summary','index':0,'summary':'@'}]"),
    CHAT_CALL(ARGUMENTS, "function.arguments", "'function':{'arguments':'{`to`:`@`}'}"),
    CHAT_CALL(ARGUMENTS, "function.arguments (member's name)",
              "'function':{'arguments':'{`@`:1}'}"),
    {S(ARGUMENTS, ON_CHAT, "choices[].delta.tool_calls[].function.arguments (number)",
       DELTA("'tool_calls':[{'index':0,'function':{'arguments':'{`n`:@}'}}]")),
     .is_number = true},
    CHAT_CALL(ARGUMENTS, "function.arguments (not JSON)", "'function':{'arguments':'to @'}"),
    CHAT_CALL(TOOL, "function.name",
              "'id':'call_1','type':'function','function':{'name':'@','arguments':''}"),
    CHAT_CALL(ARGUMENTS, "custom.input", "'custom':{'input':'@'}"),
    CHAT(ARGUMENTS, "function_call.arguments", "'function_call':{'arguments':'{`to`:`@`}'}"),
    CHAT(OTHER, "annotations[].url_citation.title",
         "'annotations':[{'type':'url_citation','url_citation':{'title':'@'}}]"),
    CHAT(TEXT, "audio.transcript", "'audio':{'transcript':'@'}"),
    CHAT(MEDIA, "audio.data", "'audio':{'data':'@'}"),
    {S(REPEAT, ON_CHAT, "choices[].logprobs",
       CHUNK("'index':0,'delta':{'content':'a'},'logprobs':{'content':[{'token':'@'}]}"))},
    CHAT(TEXT, "(any other text)", "'anything':'@'"),
    CHAT(OTHER, "(any other member)", "'anything':{'about':'@'}"),

    {S(TEXT, ON_COMPLETIONS, "choices[].text", TEXT_CHUNK("'text':'@'"))},
    {S(REPEAT, ON_COMPLETIONS, "choices[].logprobs",
       TEXT_CHUNK("'text':'a','logprobs':{'tokens':['@']}"))},
    {S(OTHER, ON_COMPLETIONS, "choices[].(any other member)",
       TEXT_CHUNK("'text':'a','anything':'@'"))},

    RESPONSES(TEXT, "response.output_text.delta",
              "{'type':'response.output_text.delta'," AT ",'delta':'@'}"),
    RESPONSES(REPEAT, "response.output_text.delta (logprobs)",
              "{'type':'response.output_text.delta'," AT ",'delta':'a','logprobs':[{'token':"
              "'@'}]}"),
    RESPONSES(REPEAT, "response.output_text.done",
              "{'type':'response.output_text.done'," AT ",'text':'@'}"),
    RESPONSES(REPEAT, "response.content_part.done",
              "{'type':'response.content_part.done'," AT ",'part':{'type':'output_text','text':"
              "'@'}}"),
    RESPONSES(REPEAT, "response.output_item.done (message)", ITEM_DONE(SAID)),
    RESPONSES(REPEAT, "response.completed (message)", COMPLETED(SAID)),
    RESPONSES(OTHER, "response.output_text.annotation.added",
              "{'type':'response.output_text.annotation.added'," AT ",'annotation':{'type':"
              "'url_citation','title':'@'}}"),
    RESPONSES(REFUSAL, "response.refusal.delta",
              "{'type':'response.refusal.delta'," AT ",'delta':'@'}"),
    RESPONSES(REPEAT, "response.refusal.done",
              "{'type':'response.refusal.done'," AT ",'refusal':'@'}"),
    RESPONSES(REASONING, "response.reasoning_text.delta",
              "{'type':'response.reasoning_text.delta'," AT ",'delta':'@'}"),
    RESPONSES(REPEAT, "response.reasoning_text.done",
              "{'type':'response.reasoning_text.done'," AT ",'text':'@'}"),
    RESPONSES(REASONING, "response.reasoning_summary_text.delta",
              "{'type':'response.reasoning_summary_text.delta'," CALL_AT
              ",'summary_index':0,'delta':'@'}"),
    RESPONSES(REPEAT, "response.reasoning_summary_text.done",
              "{'type':'response.reasoning_summary_text.done'," CALL_AT
              ",'summary_index':0,'text':'@'}"),
    RESPONSES(REPEAT, "response.reasoning_summary_part.done",
              "{'type':'response.reasoning_summary_part.done'," CALL_AT
              ",'summary_index':0,'part':{'type':'summary_text','text':'@'}}"),
    RESPONSES(ARGUMENTS, "response.function_call_arguments.delta",
              "{'type':'response.function_call_arguments.delta'," CALL_AT ",'delta':'{`to`:`@`}'}"),
    {S(ARGUMENTS, ON_RESPONSES, "response.function_call_arguments.delta (number)",
       "{'type':'response.function_call_arguments.delta'," CALL_AT ",'delta':'{`n`:@}'}"),
     .is_number = true},
    RESPONSES(REPEAT, "response.function_call_arguments.done",
              "{'type':'response.function_call_arguments.done'," CALL_AT
              ",'arguments':'{`to`:`@`}'}"),
    RESPONSES(REPEAT, "response.output_item.done (function_call)", ITEM_DONE(CALLED)),
    RESPONSES(REPEAT, "response.completed (function_call)", COMPLETED(CALLED)),
    RESPONSES(TOOL, "response.output_item.added (name)",
              ADDED("{'type':'function_call','id':'i','call_id':'c','name':'@','arguments':''}")),
    RESPONSES(ARGUMENTS, "response.custom_tool_call_input.delta",
              "{'type':'response.custom_tool_call_input.delta'," CALL_AT ",'delta':'@'}"),
    RESPONSES(REPEAT, "response.custom_tool_call_input.done",
              "{'type':'response.custom_tool_call_input.done'," CALL_AT ",'input':'@'}"),
    RESPONSES(ARGUMENTS, "response.mcp_call_arguments.delta",
              "{'type':'response.mcp_call_arguments.delta'," CALL_AT ",'delta':'{`to`:`@`}'}"),
    RESPONSES(RESULT, "response.output_item.done (mcp_call)",
              ITEM_DONE("{'type':'mcp_call','id':'i','name':'f','arguments':'{}','output':'@'}")),
    RESPONSES(ARGUMENTS, "response.code_interpreter_call_code.delta",
              "{'type':'response.code_interpreter_call_code.delta'," CALL_AT ",'delta':'@'}"),
    RESPONSES(REPEAT, "response.code_interpreter_call_code.done",
              "{'type':'response.code_interpreter_call_code.done'," CALL_AT ",'code':'@'}"),
    RESPONSES(TEXT, "response.audio.transcript.delta",
              "{'type':'response.audio.transcript.delta','sequence_number':1,'delta':'@'}"),
    RESPONSES(MEDIA, "response.audio.delta",
              "{'type':'response.audio.delta','sequence_number':1,'delta':'@'}"),
    RESPONSES(MEDIA, "response.image_generation_call.partial_image",
              "{'type':'response.image_generation_call.partial_image'," CALL_AT
              ",'partial_image_index':0,'partial_image_b64':'@'}"),
    RESPONSES(MEDIA, "response.output_item.done (image_generation_call)", ITEM_DONE(PAINTED)),
    RESPONSES(MEDIA, "response.completed (image_generation_call)", COMPLETED(PAINTED)),
    RESPONSES(REPEAT, "response.created (instructions)",
              "{'type':'response.created','sequence_number':1,'response':{'id':'r','object':"
              "'response','status':'in_progress','model':'m','output':[],'instructions':'@'}}"),
    RESPONSES(OTHER, "(any other event)",
              "{'type':'response.anything','sequence_number':1,'about':'@'}"),

    BLOCK(TEXT, "content_block_delta (text_delta)", TEXT_BLOCK,
          BLOCK_DELTA("'type':'text_delta','text':'@'")),
    BLOCK(TEXT, "content_block_start (text)", "{'type':'text','text':'@'}", ""),
    BLOCK(OTHER, "content_block_delta (citations_delta)", TEXT_BLOCK,
          BLOCK_DELTA("'type':'citations_delta','citation':{'type':'char_location',"
                      "'cited_text':'@'}")),
    BLOCK(REASONING, "content_block_delta (thinking_delta)", "{'type':'thinking','thinking':''}",
          BLOCK_DELTA("'type':'thinking_delta','thinking':'@'")),
    BLOCK(REASONING, "content_block_delta (signature_delta)", "{'type':'thinking','thinking':''}",
          BLOCK_DELTA("'type':'signature_delta','signature':'@'")),
    BLOCK(ARGUMENTS, "content_block_delta (input_json_delta)", TOOL_BLOCK,
          BLOCK_DELTA("'type':'input_json_delta','partial_json':'{`to`:`@`}'")),
    BLOCK(ARGUMENTS, "content_block_delta (input_json_delta, member's name)", TOOL_BLOCK,
          BLOCK_DELTA("'type':'input_json_delta','partial_json':'{`@`:1}'")),
    {S(ARGUMENTS, ON_MESSAGES, "content_block_delta (input_json_delta, number)",
       START(TOOL_BLOCK) BLOCK_DELTA("'type':'input_json_delta','partial_json':'{`n`:@}'")),
     .is_number = true},
    BLOCK(ARGUMENTS, "content_block_start (input)",
          "{'type':'tool_use','id':'t','name':'f','input':{'to':'@'}}", ""),
    BLOCK(TOOL, "content_block_start (name)", "{'type':'tool_use','id':'t','name':'@','input':{}}",
          ""),
    BLOCK(RESULT, "content_block_start (bash_code_execution_tool_result)",
          "{'type':'bash_code_execution_tool_result','tool_use_id':'t','content':{'type':"
          "'bash_code_execution_result','stdout':'@'}}",
          ""),
    BLOCK(RESULT, "content_block_start (web_search_tool_result)",
          "{'type':'web_search_tool_result','tool_use_id':'t','content':[{'type':"
          "'web_search_result','title':'@'}]}",
          ""),
    BLOCK(MEDIA, "content_block_start (web_fetch_tool_result, base64)",
          "{'type':'web_fetch_tool_result','tool_use_id':'t','content':{'type':"
          "'web_fetch_result','content':{'type':'document','source':{'type':'base64',"
          "'media_type':'application/pdf','data':'@'}}}}",
          ""),
    {S(OTHER, ON_MESSAGES, "message_delta (stop_sequence)",
       "{'type':'message_delta','delta':{'stop_reason':'stop_sequence','stop_sequence':'@'},"
       "'usage':{'output_tokens':1}}")},
    {S(OTHER, ON_MESSAGES, "(any other event)", "{'type':'anything','about':'@'}")},
};
const size_t coverage_streams_count = sizeof(coverage_streams) / sizeof(coverage_streams[0]);
