/* SPDX-License-Identifier: Apache-2.0
 *
 * Every place of a JSON answer where a text may stand, operation by operation, with an
 * example. What the path makes of each is not written here: it is found out by reading
 * the example (coverage.c). Constant data.
 */
#include "coverage.h"

#define A(p, on, n, x) PLACE(ANSWER, p, on, n, x)

#define CHOICE(members)                                                                            \
    "{'id':'c','object':'chat.completion','created':1,'model':'m','choices':[{'index':0," members  \
    ",'finish_reason':'stop'}],'usage':{'prompt_tokens':1,'completion_tokens':1,'total_tokens':2}" \
    "}"
#define SAID(members) CHOICE("'message':{'role':'assistant'," members "}")
#define CHAT(p, n, members)                                                                        \
    {                                                                                              \
        A(p, ON_CHAT, "choices[].message." n, SAID(members))                                       \
    }
#define CHAT_CALL(p, n, call)                                                                      \
    CHAT(p, "tool_calls[]." n,                                                                     \
         "'content':null,'tool_calls':[{'id':'call_1','type':'function'," call "}]")

#define COMPLETION(members)                                                                        \
    "{'id':'c','object':'text_completion','created':1,'model':'m','choices':[{'index':0," members  \
    ",'finish_reason':'stop'}]}"

#define RESPONSE(members)                                                                          \
    "{'id':'r','object':'response','status':'completed','model':'m'," members "}"
#define OUTPUT(p, n, item)                                                                         \
    {                                                                                              \
        A(p, ON_RESPONSES, "output[]." n, RESPONSE("'output':[" item "]"))                         \
    }
#define PART(p, n, part)                                                                           \
    OUTPUT(p, "content[]." n, "{'type':'message','role':'assistant','content':[" part "]}")

#define MESSAGE(blocks, members)                                                                   \
    "{'id':'m','type':'message','role':'assistant','model':'m','content':[" blocks                 \
    "],'stop_reason':'end_turn'," members ",'usage':{'input_tokens':1,'output_tokens':1}}"
#define BLOCK(p, n, block)                                                                         \
    {                                                                                              \
        A(p, ON_MESSAGES, "content[]." n, MESSAGE(block, "'stop_sequence':null"))                  \
    }

/* lint: table */
const struct flow_place coverage_answers[] = {
    CHAT(TEXT, "content", "'content':'@'"),
    {A(TEXT, ON_CHAT, "choices[1].message.content",
       "{'id':'c','object':'chat.completion','created':1,'model':'m','choices':[{'index':0,"
       "'message':{'role':'assistant','content':'a'},'finish_reason':'stop'},{'index':1,"
       "'message':{'role':'assistant','content':'@'},'finish_reason':'stop'}]}")},
    CHAT(TEXT, "content[].text", "'content':[{'type':'text','text':'@'}]"),
    CHAT(REFUSAL, "refusal", "'content':null,'refusal':'@'"),
    CHAT(REASONING, "reasoning_content", "'content':'a','reasoning_content':'@'"),
    CHAT(REASONING, "reasoning", "'content':'a','reasoning':'@'"),
    CHAT(REASONING, "reasoning_details[].text",
         "'content':'a','reasoning_details':[{'type':'reasoning.text','text':'@'}]"),
    CHAT_CALL(ARGUMENTS, "function.arguments", "'function':{'name':'f','arguments':'{`to`:`@`}'}"),
    CHAT_CALL(ARGUMENTS, "function.arguments (member's name)",
              "'function':{'name':'f','arguments':'{`@`:1}'}"),
    {A(ARGUMENTS, ON_CHAT, "choices[].message.tool_calls[].function.arguments (number)",
       SAID("'content':null,'tool_calls':[{'id':'call_1','type':'function','function':{'name':"
            "'f','arguments':'{`n`:@}'}}]")),
     .is_number = true},
    CHAT_CALL(ARGUMENTS, "function.arguments (not JSON)",
              "'function':{'name':'f','arguments':'to @'}"),
    CHAT_CALL(ARGUMENTS, "function.arguments (an object's name)",
              "'function':{'name':'f','arguments':{'@':1}}"),
    {A(ARGUMENTS, ON_CHAT, "choices[].message.tool_calls[].function.arguments (an object's number)",
       SAID("'content':null,'tool_calls':[{'id':'call_1','type':'function','function':{'name':"
            "'f','arguments':{'n':@}}}]")),
     .is_number = true},
    CHAT_CALL(TOOL, "function.name", "'function':{'name':'@','arguments':'{}'}"),
    CHAT(OTHER, "tool_calls[].id",
         "'content':null,'tool_calls':[{'id':'@','type':'function','function':{'name':'f',"
         "'arguments':'{}'}}]"),
    CHAT_CALL(ARGUMENTS, "custom.input", "'custom':{'name':'f','input':'@'}"),
    CHAT(ARGUMENTS, "function_call.arguments",
         "'content':null,'function_call':{'name':'f','arguments':'{`to`:`@`}'}"),
    CHAT(OTHER, "annotations[].url_citation.title",
         "'content':'a','annotations':[{'type':'url_citation','url_citation':{'title':'@'}}]"),
    CHAT(OTHER, "annotations[].url_citation.url",
         "'content':'a','annotations':[{'type':'url_citation','url_citation':{'url':"
         "'https://example.com/@'}}]"),
    CHAT(TEXT, "audio.transcript", "'content':null,'audio':{'id':'a','transcript':'@'}"),
    CHAT(MEDIA, "audio.data", "'content':null,'audio':{'id':'a','data':'@'}"),
    CHAT(MEDIA, "images[].image_url.url (data:)",
         "'content':'a','images':[{'type':'image_url','image_url':{'url':"
         "'data:image/png;base64,@'}}]"),
    {A(REPEAT, ON_CHAT, "choices[].logprobs",
       CHOICE("'message':{'role':'assistant','content':'a'},'logprobs':{'content':[{'token':'@',"
              "'logprob':-1,'top_logprobs':[]}]}"))},
    CHAT(OTHER, "(any other member)", "'content':'a','anything':{'about':'@'}"),

    {A(TEXT, ON_COMPLETIONS, "choices[].text", COMPLETION("'text':'@'"))},
    {A(REPEAT, ON_COMPLETIONS, "choices[].logprobs",
       COMPLETION("'text':'a','logprobs':{'tokens':['@']}"))},
    {A(OTHER, ON_COMPLETIONS, "choices[].(any other member)",
       COMPLETION("'text':'a','anything':'@'"))},

    PART(TEXT, "text", "{'type':'output_text','text':'@','annotations':[]}"),
    PART(REFUSAL, "refusal", "{'type':'refusal','refusal':'@'}"),
    PART(OTHER, "annotations[].title",
         "{'type':'output_text','text':'a','annotations':[{'type':'url_citation','title':'@'}]}"),
    PART(REPEAT, "logprobs",
         "{'type':'output_text','text':'a','logprobs':[{'token':'@','logprob':-1}]}"),
    PART(OTHER, "(any other type)", "{'type':'hologram','hologram':'@'}"),
    OUTPUT(REASONING, "summary[].text",
           "{'type':'reasoning','id':'rs','summary':[{'type':'summary_text','text':'@'}]}"),
    OUTPUT(REASONING, "content[].text (reasoning)",
           "{'type':'reasoning','id':'rs','content':[{'type':'reasoning_text','text':'@'}]}"),
    OUTPUT(REASONING, "encrypted_content",
           "{'type':'reasoning','id':'rs','encrypted_content':'@'}"),
    OUTPUT(ARGUMENTS, "arguments",
           "{'type':'function_call','call_id':'c','name':'f','arguments':'{`to`:`@`}'}"),
    OUTPUT(ARGUMENTS, "arguments (member's name)",
           "{'type':'function_call','call_id':'c','name':'f','arguments':'{`@`:1}'}"),
    {A(ARGUMENTS, ON_RESPONSES, "output[].arguments (number)",
       RESPONSE("'output':[{'type':'function_call','call_id':'c','name':'f','arguments':"
                "'{`n`:@}'}]")),
     .is_number = true},
    OUTPUT(TOOL, "name", "{'type':'function_call','call_id':'c','name':'@','arguments':'{}'}"),
    OUTPUT(ARGUMENTS, "input (custom_tool_call)",
           "{'type':'custom_tool_call','call_id':'c','name':'f','input':'@'}"),
    OUTPUT(ARGUMENTS, "arguments (mcp_call)",
           "{'type':'mcp_call','name':'f','server_label':'s','arguments':'{`to`:`@`}'}"),
    OUTPUT(ARGUMENTS, "action.query (web_search_call)",
           "{'type':'web_search_call','action':{'type':'search','query':'@'}}"),
    OUTPUT(ARGUMENTS, "action.commands[] (shell_call)",
           "{'type':'shell_call','call_id':'c','action':{'commands':['@']}}"),
    OUTPUT(ARGUMENTS, "action.env (local_shell_call)",
           "{'type':'local_shell_call','call_id':'c','action':{'command':[],'env':{'@':'x'}}}"),
    OUTPUT(ARGUMENTS, "operation.diff (apply_patch_call)",
           "{'type':'apply_patch_call','call_id':'c','operation':{'diff':'@'}}"),
    OUTPUT(ARGUMENTS, "code (code_interpreter_call)",
           "{'type':'code_interpreter_call','container_id':'c','code':'@'}"),
    OUTPUT(RESULT, "outputs[].logs (code_interpreter_call)",
           "{'type':'code_interpreter_call','outputs':[{'type':'logs','logs':'@'}]}"),
    OUTPUT(RESULT, "output (mcp_call)",
           "{'type':'mcp_call','name':'f','server_label':'s','arguments':'{}','output':'@'}"),
    OUTPUT(RESULT, "results[].text (file_search_call)",
           "{'type':'file_search_call','results':[{'text':'@'}]}"),
    OUTPUT(TOOL, "tools[].description (mcp_list_tools)",
           "{'type':'mcp_list_tools','server_label':'s','tools':[{'name':'f','description':'@'}]"
           "}"),
    OUTPUT(MEDIA, "result (image_generation_call)",
           "{'type':'image_generation_call','id':'i','result':'@'}"),
    OUTPUT(OTHER, "(any other type)", "{'type':'hologram','hologram':'@'}"),
    {A(REPEAT, ON_RESPONSES, "instructions", RESPONSE("'output':[],'instructions':'@'"))},
    {A(REPEAT, ON_RESPONSES, "tools",
       RESPONSE("'output':[],'tools':[{'type':'function','description':'@'}]"))},
    {A(REPEAT, ON_RESPONSES, "metadata", RESPONSE("'output':[],'metadata':{'about':'@'}"))},
    {A(OTHER, ON_RESPONSES, "(any other member)", RESPONSE("'output':[],'anything':'@'"))},

    BLOCK(TEXT, "text", "{'type':'text','text':'@'}"),
    BLOCK(OTHER, "citations[].cited_text",
          "{'type':'text','text':'a','citations':[{'type':'char_location','cited_text':'@'}]}"),
    BLOCK(REASONING, "thinking", "{'type':'thinking','thinking':'@','signature':'s'}"),
    BLOCK(REASONING, "signature", "{'type':'thinking','thinking':'t','signature':'@'}"),
    BLOCK(ARGUMENTS, "input", "{'type':'tool_use','id':'t','name':'f','input':{'to':'@'}}"),
    BLOCK(ARGUMENTS, "input (member's name)",
          "{'type':'tool_use','id':'t','name':'f','input':{'@':1}}"),
    {A(ARGUMENTS, ON_MESSAGES, "content[].input (number)",
       MESSAGE("{'type':'tool_use','id':'t','name':'f','input':{'n':@}}", "'stop_sequence':null")),
     .is_number = true},
    BLOCK(TOOL, "name", "{'type':'tool_use','id':'t','name':'@','input':{}}"),
    BLOCK(ARGUMENTS, "input (server_tool_use)",
          "{'type':'server_tool_use','id':'t','name':'web_search','input':{'query':'@'}}"),
    BLOCK(RESULT, "content[].title (web_search_tool_result)",
          "{'type':'web_search_tool_result','tool_use_id':'t','content':[{'type':"
          "'web_search_result','title':'@'}]}"),
    BLOCK(RESULT, "content[].encrypted_content (web_search_tool_result)",
          "{'type':'web_search_tool_result','tool_use_id':'t','content':[{'type':"
          "'web_search_result','title':'t','encrypted_content':'@'}]}"),
    BLOCK(RESULT, "content.content.source.data (web_fetch_tool_result)",
          "{'type':'web_fetch_tool_result','tool_use_id':'t','content':{'type':"
          "'web_fetch_result','content':{'type':'document','source':{'type':'text','data':'@'}}}}"),
    BLOCK(MEDIA, "content.content.source.data (web_fetch_tool_result, base64)",
          "{'type':'web_fetch_tool_result','tool_use_id':'t','content':{'type':"
          "'web_fetch_result','content':{'type':'document','source':{'type':'base64',"
          "'media_type':'application/pdf','data':'@'}}}}"),
    BLOCK(RESULT, "content.stdout (bash_code_execution_tool_result)",
          "{'type':'bash_code_execution_tool_result','tool_use_id':'t','content':{'type':"
          "'bash_code_execution_result','stdout':'@'}}"),
    BLOCK(RESULT, "content[].text (mcp_tool_result)",
          "{'type':'mcp_tool_result','tool_use_id':'t','content':[{'type':'text','text':'@'}]}"),
    BLOCK(OTHER, "(any other type)", "{'type':'hologram','hologram':'@'}"),
    {A(OTHER, ON_MESSAGES, "stop_sequence",
       MESSAGE("{'type':'text','text':'a'}", "'stop_sequence':'@'"))},

    {A(REPEAT, ON(LLM_EMBEDDINGS), "data[].embedding (base64)",
       "{'object':'list','data':[{'index':0,'embedding':'@'}],'model':'m'}")},
    {A(OTHER, ON(LLM_EMBEDDINGS), "(any other member)",
       "{'object':'list','data':[],'model':'m','anything':'@'}")},
    {A(OTHER, ON(LLM_MODERATIONS), "(any other member)",
       "{'id':'m','model':'m','results':[{'flagged':false,'anything':'@'}]}")},
    {A(OTHER, ON(LLM_COUNT_TOKENS) | ON(LLM_INPUT_TOKENS), "(any other member)",
       "{'input_tokens':1,'anything':'@'}")},
};
const size_t coverage_answers_count = sizeof(coverage_answers) / sizeof(coverage_answers[0]);
