/* SPDX-License-Identifier: Apache-2.0
 *
 * Every place of a request where a text may stand, operation by operation, with an
 * example. What the path makes of each is not written here: it is found out by reading
 * the example (coverage.c). Constant data.
 */
#include "coverage.h"

#define R(p, on, n, x) PLACE(REQUEST, p, on, n, x)

/* ---- chat ------------------------------------------------------------------------- */

#define HI "{'role':'user','content':'hi'}"
#define CHAT(p, n, message)                                                                        \
    {                                                                                              \
        R(p, ON_CHAT, n, "'messages':[" message "]")                                               \
    }
#define CHAT_PART(p, n, part)                                                                      \
    CHAT(p, "messages[].content[]." n, "{'role':'user','content':[" part "]}")
#define CHAT_CALL(p, n, call)                                                                      \
    CHAT(p, "messages[].tool_calls[]." n,                                                          \
         HI ",{'role':'assistant','content':null,'tool_calls':[{'id':'call_1'," call "}]}")
#define CHAT_MORE(p, n, members)                                                                   \
    {                                                                                              \
        R(p, ON_CHAT, n, "'messages':[" HI "]," members)                                           \
    }
#define CHAT_TOOL(n, tool) CHAT_MORE(TOOL, "tools[]." n, "'tools':[" tool "]")
#define FUNCTION(members) "{'type':'function','function':{" members "}}"
#define PARAMETERS(properties)                                                                     \
    FUNCTION("'name':'f','parameters':{'type':'object','properties':{" properties "}}")

/* ---- responses --------------------------------------------------------------------- */

#define RESPONSES(p, n, members)                                                                   \
    {                                                                                              \
        R(p, ON_RESPONSES_INPUT, n, members)                                                       \
    }
#define ITEM(p, n, item) RESPONSES(p, "input[]." n, "'input':[" item "]")
#define ITEM_PART(p, n, part)                                                                      \
    ITEM(p, "content[]." n, "{'type':'message','role':'user','content':[" part "]}")
#define RESPONSES_TOOL(p, n, tool) RESPONSES(p, "tools[]." n, "'input':'hi','tools':[" tool "]")

/* ---- messages ------------------------------------------------------------------------ */

#define MESSAGES(p, n, message)                                                                    \
    {                                                                                              \
        R(p, ON_MESSAGES_INPUT, n, "'messages':[" message "]")                                     \
    }
#define BLOCK(p, n, block)                                                                         \
    MESSAGES(p, "messages[].content[]." n, "{'role':'user','content':[" block "]}")
#define SAID_BLOCK(p, n, block)                                                                    \
    MESSAGES(p, "messages[].content[]." n, HI ",{'role':'assistant','content':[" block "]}," HI)
#define MESSAGES_MORE(p, n, members)                                                               \
    {                                                                                              \
        R(p, ON_MESSAGES_INPUT, n, "'messages':[" HI "]," members)                                 \
    }

/* ---- prompts and inputs ------------------------------------------------------------------ */

#define COMPLETIONS(p, n, members)                                                                 \
    {                                                                                              \
        R(p, ON_COMPLETIONS, n, members)                                                           \
    }
#define INPUTS(p, n, members)                                                                      \
    {                                                                                              \
        R(p, ON_INPUTS, n, members)                                                                \
    }

#define NAMED "'about':'@'"

/* lint: table */
const struct flow_place coverage_requests[] = {
    CHAT(TEXT, "messages[].content (user)", "{'role':'user','content':'@'}"),
    CHAT(TEXT, "messages[].content (system)", "{'role':'system','content':'@'}," HI),
    CHAT(TEXT, "messages[].content (developer)", "{'role':'developer','content':'@'}," HI),
    CHAT(TEXT, "messages[].content (assistant)", HI ",{'role':'assistant','content':'@'}," HI),
    CHAT(TEXT, "messages[].content (any other role)", "{'role':'critic','content':'@'}"),
    CHAT(OTHER, "messages[].role", "{'role':'@','content':'hi'}"),
    CHAT(OTHER, "messages[].name", "{'role':'user','name':'@','content':'hi'}"),
    CHAT(OTHER, "messages[].(any other member)", "{'role':'user','content':'hi','note':'@'}"),
    CHAT(REFUSAL, "messages[].refusal", HI ",{'role':'assistant','refusal':'@'}," HI),
    CHAT(REASONING, "messages[].reasoning_content",
         HI ",{'role':'assistant','content':'a','reasoning_content':'@'}," HI),
    CHAT_PART(TEXT, "text", "{'type':'text','text':'@'}"),
    CHAT_PART(REFUSAL, "refusal", "{'type':'refusal','refusal':'@'}"),
    CHAT_PART(MEDIA, "image_url.url (data:)",
              "{'type':'image_url','image_url':{'url':'data:image/png;base64,@'}}"),
    CHAT_PART(MEDIA, "image_url.url",
              "{'type':'image_url','image_url':{'url':'https://example.com/@'}}"),
    CHAT_PART(MEDIA, "image_url (of another type)",
              "{'type':'text','text':'hi','image_url':{'url':'https://example.com/@'}}"),
    CHAT_PART(MEDIA, "input_audio.data",
              "{'type':'input_audio','input_audio':{'data':'@','format':'wav'}}"),
    CHAT_PART(MEDIA, "file.file_data", "{'type':'file','file':{'file_data':'@'}}"),
    CHAT_PART(MEDIA, "file.file_id", "{'type':'file','file':{'file_id':'@'}}"),
    CHAT_PART(MEDIA, "file.filename", "{'type':'file','file':{'file_id':'f','filename':'@'}}"),
    CHAT_PART(OTHER, "(media without its member)", "{'type':'input_audio','audio':'@'}"),
    CHAT_PART(OTHER, "(any other type)", "{'type':'hologram','hologram':'@'}"),
    CHAT(MEDIA, "messages[].audio.id", HI ",{'role':'assistant','audio':{'id':'@'}}," HI),
    CHAT_CALL(ARGUMENTS, "function.arguments",
              "'type':'function','function':{'name':'f','arguments':'{`to`:`@`}'}"),
    CHAT_CALL(ARGUMENTS, "function.arguments (member's name)",
              "'type':'function','function':{'name':'f','arguments':'{`@`:1}'}"),
    {R(ARGUMENTS, ON_CHAT, "messages[].tool_calls[].function.arguments (number)",
       "'messages':[" HI ",{'role':'assistant','content':null,'tool_calls':[{'id':'call_1',"
       "'type':'function','function':{'name':'f','arguments':'{`n`:@}'}}]}]"),
     .is_number = true},
    CHAT_CALL(ARGUMENTS, "function.arguments (not JSON)",
              "'type':'function','function':{'name':'f','arguments':'to @'}"),
    CHAT_CALL(ARGUMENTS, "function.arguments (an object)",
              "'type':'function','function':{'name':'f','arguments':{'to':'@'}}"),
    CHAT_CALL(ARGUMENTS, "function.arguments (an object's name)",
              "'type':'function','function':{'name':'f','arguments':{'@':1}}"),
    {R(ARGUMENTS, ON_CHAT, "messages[].tool_calls[].function.arguments (an object's number)",
       "'messages':[" HI ",{'role':'assistant','content':null,'tool_calls':[{'id':'call_1',"
       "'type':'function','function':{'name':'f','arguments':{'n':@}}}]}]"),
     .is_number = true},
    CHAT_CALL(TOOL, "function.name", "'type':'function','function':{'name':'@','arguments':''}"),
    CHAT_CALL(ARGUMENTS, "custom.input", "'type':'custom','custom':{'name':'f','input':'@'}"),
    CHAT(ARGUMENTS, "messages[].function_call.arguments",
         HI ",{'role':'assistant','function_call':{'name':'f','arguments':'{`to`:`@`}'}}"),
    CHAT(RESULT, "messages[].content (tool)",
         HI ",{'role':'tool','tool_call_id':'call_1','content':'@'}"),
    CHAT(RESULT, "messages[].content[].text (tool)",
         HI ",{'role':'tool','tool_call_id':'call_1','content':[{'type':'text','text':'@'}]}"),
    CHAT(RESULT, "messages[].content (function)",
         HI ",{'role':'function','name':'f','content':"
            "'@'}"),
    CHAT(OTHER, "messages[].tool_call_id", HI ",{'role':'tool','tool_call_id':'@','content':'hi'}"),
    CHAT(OTHER, "messages[].tool_calls[].id",
         HI ",{'role':'assistant','content':null,'tool_calls':[{'id':'@','type':'function',"
            "'function':{'name':'f','arguments':''}}]}"),
    CHAT_TOOL("function.name", FUNCTION("'name':'@'")),
    CHAT_TOOL("function.description", FUNCTION("'name':'f','description':'@'")),
    CHAT_TOOL("function.parameters (a property)", PARAMETERS("'@':{'type':'string'}")),
    CHAT_TOOL("function.parameters (description)",
              PARAMETERS("'to':{'type':'string','description':'@'}")),
    CHAT_TOOL("function.parameters (enum)", PARAMETERS("'to':{'type':'string','enum':['@']}")),
    CHAT_TOOL("function.parameters (default)", PARAMETERS("'to':{'default':'@'}")),
    {R(TOOL, ON_CHAT, "tools[].function.parameters (a number in enum)",
       "'messages':[" HI "],'tools':[" PARAMETERS("'to':{'enum':[@]}") "]"),
     .is_number = true},
    {R(TOOL, ON_CHAT, "tools[].function.parameters (a number as default)",
       "'messages':[" HI "],'tools':[" PARAMETERS("'to':{'default':{'n':@}}") "]"),
     .is_number = true},
    CHAT_TOOL("custom.description", "{'type':'custom','custom':{'name':'f','description':'@'}}"),
    CHAT_TOOL("custom.format",
              "{'type':'custom','custom':{'name':'f','format':{'definition':'@'}}}"),
    CHAT_MORE(TOOL, "functions[].description", "'functions':[{'name':'f','description':'@'}]"),
    CHAT_MORE(TOOL, "tool_choice", "'tool_choice':{'type':'function','function':{'name':'@'}}"),
    CHAT_MORE(TOOL, "web_search_options.user_location",
              "'web_search_options':{'user_location':{'type':'approximate','approximate':{"
              "'city':'@'}}}"),
    CHAT_MORE(TEXT, "prediction.content", "'prediction':{'type':'content','content':'@'}"),
    CHAT_MORE(TEXT, "prediction.content[].text",
              "'prediction':{'type':'content','content':[{'type':'text','text':'@'}]}"),
    CHAT_MORE(MEDIA, "prediction.content[].image_url",
              "'prediction':{'type':'content','content':[{'type':'image_url','image_url':{'url':"
              "'https://example.com/@'}}]}"),
    CHAT_MORE(OTHER, "response_format.json_schema (description)",
              "'response_format':{'type':'json_schema','json_schema':{'name':'s','schema':{"
              "'description':'@'}}}"),
    CHAT_MORE(OTHER, "response_format.json_schema (a property)",
              "'response_format':{'type':'json_schema','json_schema':{'name':'s','schema':{"
              "'properties':{'@':{}}}}}"),
    CHAT_MORE(OTHER, "stop", "'stop':['@']"),
    CHAT_MORE(OTHER, "audio.voice", "'audio':{'voice':'@','format':'wav'}"),

    COMPLETIONS(TEXT, "prompt", "'prompt':'@'"),
    COMPLETIONS(TEXT, "prompt[]", "'prompt':['@']"),
    COMPLETIONS(TEXT, "suffix", "'prompt':'hi','suffix':'@'"),
    COMPLETIONS(OTHER, "stop", "'prompt':'hi','stop':'@'"),
    {R(MEDIA, ON_COMPLETIONS, "prompt (tokens)", "'prompt':[@]"), .is_number = true},
    {R(MEDIA, ON_COMPLETIONS, "prompt[] (tokens)", "'prompt':[[@]]"), .is_number = true},

    RESPONSES(TEXT, "input", "'input':'@'"),
    RESPONSES(TEXT, "instructions", "'input':'hi','instructions':'@'"),
    RESPONSES(MEDIA, "previous_response_id", "'input':'hi','previous_response_id':'@'"),
    RESPONSES(MEDIA, "conversation", "'input':'hi','conversation':{'id':'@'}"),
    RESPONSES(MEDIA, "prompt.id", "'prompt':{'id':'@'}"),
    RESPONSES(MEDIA, "prompt.variables", "'prompt':{'id':'p','variables':{'to':'@'}}"),
    ITEM(TEXT, "content", "{'role':'user','content':'@'}"),
    ITEM(TEXT, "content (system)", "{'role':'system','content':'@'}"),
    ITEM(OTHER, "(any other member)", "{'role':'user','content':'hi','note':'@'}"),
    ITEM(OTHER, "(any other type)", "{'type':'hologram','hologram':'@'}"),
    ITEM_PART(TEXT, "text", "{'type':'input_text','text':'@'}"),
    ITEM_PART(OTHER, "(any other type)", "{'type':'hologram','hologram':'@'}"),
    ITEM_PART(MEDIA, "image_url", "{'type':'input_image','image_url':'https://example.com/@'}"),
    ITEM_PART(MEDIA, "file_data", "{'type':'input_file','file_data':'@'}"),
    ITEM_PART(MEDIA, "file_id", "{'type':'input_file','file_id':'@'}"),
    ITEM_PART(MEDIA, "filename", "{'type':'input_file','file_id':'f','filename':'@'}"),
    ITEM_PART(MEDIA, "input_audio", "{'type':'input_audio','input_audio':{'data':'@'}}"),
    ITEM(TEXT, "content[].text (assistant)",
         "{'type':'message','role':'assistant','content':[{'type':'output_text','text':'@'}]}"),
    ITEM(REFUSAL, "content[].refusal",
         "{'type':'message','role':'assistant','content':[{'type':'refusal','refusal':'@'}]}"),
    ITEM(OTHER, "content[].annotations",
         "{'type':'message','role':'assistant','content':[{'type':'output_text','text':'a',"
         "'annotations':[{'type':'url_citation','title':'@'}]}]}"),
    ITEM(REPEAT, "content[].logprobs",
         "{'type':'message','role':'assistant','content':[{'type':'output_text','text':'a',"
         "'logprobs':[{'token':'@','logprob':-1}]}]}"),
    ITEM(REASONING, "summary[].text",
         "{'type':'reasoning','summary':[{'type':'summary_text','text':'@'}]}"),
    ITEM(REASONING, "content[].text (reasoning)",
         "{'type':'reasoning','content':[{'type':'reasoning_text','text':'@'}]}"),
    ITEM(MEDIA, "encrypted_content", "{'type':'reasoning','encrypted_content':'@'}"),
    ITEM(MEDIA, "id (item_reference)", "{'type':'item_reference','id':'@'}"),
    ITEM(ARGUMENTS, "arguments",
         "{'type':'function_call','call_id':'c','name':'f','arguments':'{`to`:`@`}'}"),
    ITEM(ARGUMENTS, "arguments (member's name)",
         "{'type':'function_call','call_id':'c','name':'f','arguments':'{`@`:1}'}"),
    {R(ARGUMENTS, ON_RESPONSES_INPUT, "input[].arguments (number)",
       "'input':[{'type':'function_call','call_id':'c','name':'f','arguments':'{`n`:@}'}]"),
     .is_number = true},
    {R(ARGUMENTS, ON_RESPONSES_INPUT, "input[].arguments (an object's number)",
       "'input':[{'type':'function_call','call_id':'c','name':'f','arguments':{'n':@}}]"),
     .is_number = true},
    ITEM(TOOL, "name", "{'type':'function_call','call_id':'c','name':'@','arguments':''}"),
    ITEM(ARGUMENTS, "input (custom_tool_call)",
         "{'type':'custom_tool_call','call_id':'c','name':'f','input':'@'}"),
    ITEM(ARGUMENTS, "arguments (mcp_call)",
         "{'type':'mcp_call','name':'f','server_label':'s','arguments':'{`to`:`@`}'}"),
    ITEM(ARGUMENTS, "action (web_search_call)",
         "{'type':'web_search_call','action':{'type':'search','query':'@'}}"),
    ITEM(ARGUMENTS, "action (shell_call)",
         "{'type':'shell_call','call_id':'c','action':{'commands':['@']}}"),
    ITEM(ARGUMENTS, "action.env (local_shell_call)",
         "{'type':'local_shell_call','call_id':'c','action':{'env':{'@':'x'}}}"),
    ITEM(ARGUMENTS, "operation (apply_patch_call)",
         "{'type':'apply_patch_call','call_id':'c','operation':{'diff':'@'}}"),
    ITEM(ARGUMENTS, "code (code_interpreter_call)",
         "{'type':'code_interpreter_call','container_id':'c','code':'@'}"),
    ITEM(RESULT, "output", "{'type':'function_call_output','call_id':'c','output':'@'}"),
    ITEM(RESULT, "output[].text",
         "{'type':'function_call_output','call_id':'c','output':[{'type':'input_text','text':"
         "'@'}]}"),
    ITEM(RESULT, "output (custom_tool_call_output)",
         "{'type':'custom_tool_call_output','call_id':'c','output':'@'}"),
    ITEM(RESULT, "output (mcp_call)",
         "{'type':'mcp_call','name':'f','server_label':'s','arguments':'','output':'@'}"),
    ITEM(RESULT, "output (shell_call_output)",
         "{'type':'shell_call_output','call_id':'c','output':[{'stdout':'@','stderr':''}]}"),
    ITEM(RESULT, "outputs (code_interpreter_call)",
         "{'type':'code_interpreter_call','outputs':[{'type':'logs','logs':'@'}]}"),
    ITEM(RESULT, "results (file_search_call)",
         "{'type':'file_search_call','results':[{'text':'@'}]}"),
    ITEM(MEDIA, "output (computer_call_output)",
         "{'type':'computer_call_output','call_id':'c','output':{'type':'computer_screenshot',"
         "'image_url':'data:image/png;base64,@'}}"),
    ITEM(MEDIA, "result (image_generation_call)",
         "{'type':'image_generation_call','id':'i','result':'@'}"),
    ITEM(TOOL, "tools (mcp_list_tools)",
         "{'type':'mcp_list_tools','server_label':'s','tools':[{'name':'f','description':'@'}]}"),
    ITEM(OTHER, "call_id", "{'type':'function_call','call_id':'@','name':'f','arguments':''}"),
    RESPONSES_TOOL(TOOL, "description", "{'type':'function','name':'f','description':'@'}"),
    RESPONSES_TOOL(TOOL, "parameters (a property)",
                   "{'type':'function','name':'f','parameters':{'properties':{'@':{}}}}"),
    RESPONSES_TOOL(TOOL, "server_url (mcp)", "{'type':'mcp','server_label':'s','server_url':'@'}"),
    RESPONSES_TOOL(TOOL, "headers (mcp)", "{'type':'mcp','server_label':'s','headers':{'@':'x'}}"),
    RESPONSES_TOOL(TOOL, "user_location (web_search)",
                   "{'type':'web_search','user_location':{'type':'approximate','city':'@'}}"),
    RESPONSES_TOOL(MEDIA, "vector_store_ids (file_search)",
                   "{'type':'file_search','vector_store_ids':['@']}"),
    RESPONSES_TOOL(MEDIA, "container.file_ids (code_interpreter)",
                   "{'type':'code_interpreter','container':{'type':'auto','file_ids':['@']}}"),
    RESPONSES_TOOL(MEDIA, "container (code_interpreter)",
                   "{'type':'code_interpreter','container':'@'}"),
    RESPONSES(OTHER, "text.format.schema (description)",
              "'input':'hi','text':{'format':{'type':'json_schema','name':'s','schema':{"
              "'description':'@'}}}"),

    MESSAGES(TEXT, "messages[].content (user)", "{'role':'user','content':'@'}"),
    MESSAGES(TEXT, "messages[].content (assistant)", HI ",{'role':'assistant','content':'@'}"),
    MESSAGES(OTHER, "messages[].(any other member)", "{'role':'user','content':'hi','note':'@'}"),
    MESSAGES_MORE(TEXT, "system", "'system':'@'"),
    MESSAGES_MORE(TEXT, "system[].text", "'system':[{'type':'text','text':'@'}]"),
    BLOCK(TEXT, "text", "{'type':'text','text':'@'}"),
    BLOCK(OTHER, "(any other type)", "{'type':'hologram','hologram':'@'}"),
    BLOCK(MEDIA, "source.data (image)",
          "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'@'}}"),
    BLOCK(MEDIA, "source.url (image)",
          "{'type':'image','source':{'type':'url','url':'https://example.com/@'}}"),
    BLOCK(MEDIA, "source.data (document, base64)",
          "{'type':'document','source':{'type':'base64','media_type':'application/pdf','data':"
          "'@'}}"),
    BLOCK(MEDIA, "source.file_id", "{'type':'document','source':{'type':'file','file_id':'@'}}"),
    BLOCK(MEDIA, "file_id (container_upload)", "{'type':'container_upload','file_id':'@'}"),
    BLOCK(TEXT, "source.data (document, text)",
          "{'type':'document','source':{'type':'text','media_type':'text/plain','data':'@'}}"),
    BLOCK(TEXT, "source.content[].text",
          "{'type':'document','source':{'type':'content','content':[{'type':'text','text':'@'}]}"
          "}"),
    BLOCK(TEXT, "title", "{'type':'document','title':'@','source':{'type':'text','data':'hi'}}"),
    BLOCK(TEXT, "context",
          "{'type':'document','context':'@','source':{'type':'text','data':'hi'}}"),
    BLOCK(RESULT, "title (search_result)",
          "{'type':'search_result','title':'@','source':'s','content':[]}"),
    BLOCK(RESULT, "content[].text (search_result)",
          "{'type':'search_result','title':'t','source':'s','content':[{'type':'text','text':"
          "'@'}]}"),
    BLOCK(RESULT, "content (tool_result)",
          "{'type':'tool_result','tool_use_id':'t','content':'@'}"),
    BLOCK(RESULT, "content[].text (tool_result)",
          "{'type':'tool_result','tool_use_id':'t','content':[{'type':'text','text':'@'}]}"),
    BLOCK(OTHER, "tool_use_id", "{'type':'tool_result','tool_use_id':'@','content':'hi'}"),
    SAID_BLOCK(OTHER, "citations[]",
               "{'type':'text','text':'a','citations':[{'type':'char_location','cited_text':'@'}"
               "]}"),
    SAID_BLOCK(REASONING, "thinking", "{'type':'thinking','thinking':'@','signature':'s'}"),
    SAID_BLOCK(REASONING, "signature", "{'type':'thinking','thinking':'t','signature':'@'}"),
    SAID_BLOCK(MEDIA, "data (redacted_thinking)", "{'type':'redacted_thinking','data':'@'}"),
    SAID_BLOCK(ARGUMENTS, "input", "{'type':'tool_use','id':'t','name':'f','input':{'to':'@'}}"),
    SAID_BLOCK(ARGUMENTS, "input (member's name)",
               "{'type':'tool_use','id':'t','name':'f','input':{'@':1}}"),
    {R(ARGUMENTS, ON_MESSAGES_INPUT, "messages[].content[].input (number)",
       "'messages':[" HI ",{'role':'assistant','content':[{'type':'tool_use','id':'t','name':"
       "'f','input':{'n':@}}]}]"),
     .is_number = true},
    SAID_BLOCK(TOOL, "name", "{'type':'tool_use','id':'t','name':'@','input':{}}"),
    SAID_BLOCK(ARGUMENTS, "input (server_tool_use)",
               "{'type':'server_tool_use','id':'t','name':'web_search','input':{'query':'@'}}"),
    SAID_BLOCK(RESULT, "content[].title (web_search_tool_result)",
               "{'type':'web_search_tool_result','tool_use_id':'t','content':[{'type':"
               "'web_search_result','title':'@'}]}"),
    SAID_BLOCK(MEDIA, "content[].encrypted_content (web_search_tool_result)",
               "{'type':'web_search_tool_result','tool_use_id':'t','content':[{'type':"
               "'web_search_result','title':'t','encrypted_content':'@'}]}"),
    SAID_BLOCK(RESULT, "content.content.source.data (web_fetch_tool_result)",
               "{'type':'web_fetch_tool_result','tool_use_id':'t','content':{'type':"
               "'web_fetch_result','content':{'type':'document','source':{'type':'text','data':"
               "'@'}}}}"),
    SAID_BLOCK(MEDIA, "content.content.source.data (web_fetch_tool_result, base64)",
               "{'type':'web_fetch_tool_result','tool_use_id':'t','content':{'type':"
               "'web_fetch_result','content':{'type':'document','source':{'type':'base64',"
               "'media_type':'application/pdf','data':'@'}}}}"),
    SAID_BLOCK(RESULT, "content.stdout (bash_code_execution_tool_result)",
               "{'type':'bash_code_execution_tool_result','tool_use_id':'t','content':{'type':"
               "'bash_code_execution_result','stdout':'@'}}"),
    SAID_BLOCK(RESULT, "content[].text (mcp_tool_result)",
               "{'type':'mcp_tool_result','tool_use_id':'t','content':[{'type':'text','text':"
               "'@'}]}"),
    MESSAGES_MORE(TOOL, "tools[].description",
                  "'tools':[{'name':'f','description':'@','input_schema':{'type':'object'}}]"),
    MESSAGES_MORE(TOOL, "tools[].input_schema (a property)",
                  "'tools':[{'name':'f','input_schema':{'type':'object','properties':{'@':{}}}}]"),
    MESSAGES_MORE(TOOL, "tools[].input_examples",
                  "'tools':[{'name':'f','input_schema':{'type':'object'},'input_examples':[{'to':"
                  "'@'}]}]"),
    {R(TOOL, ON_MESSAGES_INPUT, "tools[].input_examples (number)",
       "'messages':[" HI "],'tools':[{'name':'f','input_schema':{'type':'object'},"
       "'input_examples':[{'n':@}]}]"),
     .is_number = true},
    MESSAGES_MORE(TOOL, "mcp_servers[].url", "'mcp_servers':[{'type':'url','name':'s','url':'@'}]"),
    MESSAGES_MORE(MEDIA, "container", "'container':'@'"),
    MESSAGES_MORE(OTHER, "stop_sequences[]", "'stop_sequences':['@']"),
    MESSAGES_MORE(OTHER, "metadata.user_id", "'metadata':{'user_id':'@'}"),

    INPUTS(TEXT, "input", "'input':'@'"),
    INPUTS(TEXT, "input[]", "'input':['@']"),
    INPUTS(TEXT, "input[].text", "'input':[{'type':'text','text':'@'}]"),
    INPUTS(OTHER, "input[].(name of any other member)",
           "'input':[{'type':'text','text':'hi','@':1}]"),
    INPUTS(OTHER, "input[].(any other type)", "'input':[{'type':'hologram','hologram':'@'}]"),
    INPUTS(MEDIA, "input[].image_url",
           "'input':[{'type':'image_url','image_url':{'url':'https://example.com/@'}}]"),
    {R(MEDIA, ON_INPUTS, "input (tokens)", "'input':[@]"), .is_number = true},
    {R(MEDIA, ON_INPUTS, "input[] (tokens)", "'input':[[@]]"), .is_number = true},

#define EVERYWHERE(on, before)                                                                     \
    {R(OTHER, on, "user", before ",'user':'@'")},                                                  \
        {R(OTHER, on, "safety_identifier", before ",'safety_identifier':'@'")},                    \
        {R(OTHER, on, "metadata (value)", before ",'metadata':{" NAMED "}")},                      \
        {R(OTHER, on, "metadata (name)", before ",'metadata':{'@':'x'}")},                         \
        {R(OTHER, on, "(any other member)", before ",'anything':{" NAMED "}")},                    \
        {R(OTHER, on, "(any other member's name)", before ",'@':1")},                              \
    {                                                                                              \
        R(OTHER, on, "(any other number)", before ",'anything':@"), .is_number = true              \
    }
    EVERYWHERE(ON_CHAT, "'messages':[" HI "]"),
    EVERYWHERE(ON_COMPLETIONS, "'prompt':'hi'"),
    EVERYWHERE(ON_RESPONSES_INPUT, "'input':'hi'"),
    EVERYWHERE(ON_MESSAGES_INPUT, "'messages':[" HI "]"),
    EVERYWHERE(ON_INPUTS, "'input':'hi'"),
};
const size_t coverage_requests_count = sizeof(coverage_requests) / sizeof(coverage_requests[0]);
