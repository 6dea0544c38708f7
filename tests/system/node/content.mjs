// SPDX-License-Identifier: Apache-2.0
// What each SDK makes of answers under content rules: see scenarios.mjs and
// test_content_response.py.
//
// env besides: SAY, CALL, BLOCKED: prompts that make the provider answer with a text, call a
// tool, and say what is not let through.
import { apiKey, baseUrl, CLAUDE, collect, MODEL, parameters, run, user } from "./scenarios.mjs";

const { SAY, CALL, BLOCKED, SDK } = process.env;

async function openaiScenarios() {
  const { default: OpenAI } = await import(SDK);
  const client = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0 });
  const tools = [{ type: "function", function: { name: "weather", parameters } }];
  const flat = [{ type: "function", name: "weather", parameters, strict: false }];
  const chat = (text, more = {}) =>
    client.chat.completions.create({ model: MODEL, messages: user(text), ...more });
  const chatStream = async (text) =>
    (await collect(await chat(text, { stream: true }), (c) => c.choices[0]?.delta?.content ?? "")).join("");
  const responses = (text, more = {}) => client.responses.create({ model: MODEL, input: text, ...more });
  const responsesStream = async (text) =>
    (await collect(await responses(text, { stream: true }),
      (e) => (e.type === "response.output_text.delta" ? e.delta : ""))).join("");
  const completionsStream = async (text) =>
    (await collect(await client.completions.create({
      model: "gpt-3.5-turbo-instruct", prompt: text, stream: true }), (c) => c.choices[0].text)).join("");
  return {
    chat: async () => (await chat(SAY)).choices[0].message.content,
    chat_stream: () => chatStream(SAY),
    chat_helper: async () => {
      const stream = client.chat.completions.stream({ model: MODEL, messages: user(SAY) });
      return (await stream.finalChatCompletion()).choices[0].message.content;
    },
    chat_tools: async () =>
      JSON.parse((await chat(CALL, { tools })).choices[0].message.tool_calls[0].function.arguments),
    chat_tools_stream: async () => {
      const stream = client.chat.completions.stream({ model: MODEL, messages: user(CALL), tools });
      const message = (await stream.finalChatCompletion()).choices[0].message;
      return JSON.parse(message.tool_calls[0].function.arguments);
    },
    responses: async () => (await responses(SAY)).output_text,
    responses_stream: () => responsesStream(SAY),
    responses_helper: async () =>
      (await client.responses.stream({ model: MODEL, input: SAY }).finalResponse()).output_text,
    responses_tools_stream: async () => {
      const stream = client.responses.stream({ model: MODEL, input: CALL, tools: flat });
      return JSON.parse((await stream.finalResponse()).output[0].arguments);
    },
    completions_stream: () => completionsStream(SAY),
    blocked_chat: () => chat(BLOCKED),
    blocked_chat_stream: () => chatStream(BLOCKED),
    blocked_responses: () => responses(BLOCKED),
    blocked_responses_stream: () => responsesStream(BLOCKED),
    blocked_completions_stream: () => completionsStream(BLOCKED),
  };
}

async function anthropicScenarios() {
  const { default: Anthropic } = await import("@anthropic-ai/sdk");
  const client = new Anthropic({ baseURL: baseUrl.replace(/\/v1$/, ""), apiKey, maxRetries: 0 });
  const tools = [{ name: "weather", input_schema: parameters }];
  const body = (text, more = {}) => ({ model: CLAUDE, max_tokens: 50, messages: user(text), ...more });
  return {
    messages: async () => (await client.messages.create(body(SAY))).content[0].text,
    stream: () => client.messages.stream(body(SAY)).finalText(),
    tools: async () => (await client.messages.create(body(CALL, { tools }))).content[0].input,
    tools_stream: async () =>
      (await client.messages.stream(body(CALL, { tools })).finalMessage()).content[0].input,
    blocked_messages: () => client.messages.create(body(BLOCKED)),
    blocked_stream: () => client.messages.stream(body(BLOCKED)).finalText(),
  };
}

async function aiScenarios() {
  const { createAnthropic } = await import("@ai-sdk/anthropic");
  const { createOpenAI } = await import("@ai-sdk/openai");
  const { generateText, jsonSchema, streamText, tool } = await import("ai");
  const openai = createOpenAI({ baseURL: baseUrl, apiKey });
  const anthropic = createAnthropic({ baseURL: baseUrl, apiKey });
  const models = { chat: openai.chat(MODEL), responses: openai(MODEL), messages: anthropic(CLAUDE) };
  const tools = { weather: tool({ description: "weather", inputSchema: jsonSchema({ type: "object" }) }) };
  const streamed = async (model, prompt, more = {}) => {
    let failure;
    const result = streamText({ model, prompt, maxRetries: 0, ...more,
      onError: ({ error }) => { failure = error; } });
    let text = "";
    for await (const delta of result.textStream) text += delta;
    if (failure) throw failure.message ? failure : new Error(JSON.stringify(failure));
    return { text, calls: (await result.toolCalls).map((c) => c.input) };
  };
  const scenarios = {};
  for (const [name, model] of Object.entries(models)) {
    Object.assign(scenarios, {
      [name]: async () => (await generateText({ model, prompt: SAY, maxRetries: 0 })).text,
      [`${name}_stream`]: async () => (await streamed(model, SAY)).text,
      [`${name}_tools`]: async () =>
        (await generateText({ model, prompt: CALL, tools, maxRetries: 0 })).toolCalls[0].input,
      [`${name}_tools_stream`]: async () => (await streamed(model, CALL, { tools })).calls[0],
      [`blocked_${name}`]: () => generateText({ model, prompt: BLOCKED, maxRetries: 0 }),
      [`blocked_${name}_stream`]: () => streamed(model, BLOCKED),
    });
  }
  return scenarios;
}

await run(await { openai: openaiScenarios, openai6: openaiScenarios, anthropic: anthropicScenarios,
  ai: aiScenarios }[SDK]());
