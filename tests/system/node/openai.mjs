// SPDX-License-Identifier: Apache-2.0
// The openai package (7, and its previous major 6): see scenarios.mjs.
import { apiKey, baseUrl, collect, MODEL, parameters, run, user } from "./scenarios.mjs";

const { default: OpenAI } = await import(process.env.SDK);
const options = { baseURL: baseUrl, maxRetries: 0 };
const client = new OpenAI({ ...options, apiKey });
const chat = (text, more = {}) =>
  client.chat.completions.create({ model: MODEL, messages: user(text), ...more });
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const delta = (chunk) => chunk.choices[0]?.delta?.content ?? "";

await run({
  chat: async () => (await chat("hello there")).choices[0].message.content,
  chat_stream: async () => (await collect(await chat("hello there", { stream: true }), delta)).join(""),
  chat_stream_no_usage: async () =>
    (await collect(await chat("hi", { stream: true }), (c) => c.choices.length)).every((n) => n === 1),
  chat_stream_usage: async () =>
    (await collect(await chat("hello there", { stream: true, stream_options: { include_usage: true } }),
      (c) => c.usage?.completion_tokens ?? null)).at(-1),
  chat_stream_helper: async () => {
    const stream = client.chat.completions.stream({ model: MODEL, messages: user("hello there") });
    return (await stream.finalChatCompletion()).choices[0].message.content;
  },
  chat_tools: async () =>
    JSON.parse((await chat("please call the tool", { tools })).choices[0].message.tool_calls[0].function.arguments),
  chat_tools_stream: async () => {
    const stream = client.chat.completions.stream({
      model: MODEL, messages: user("please call the tool"), tools });
    const message = (await stream.finalChatCompletion()).choices[0].message;
    return JSON.parse(message.tool_calls[0].function.arguments);
  },
  request_id: async () => (await chat("hi"))._request_id.startsWith("req_"),
  responses: async () => (await client.responses.create({ model: MODEL, input: "hello there" })).output_text,
  responses_stream: async () =>
    collect(await client.responses.create({ model: MODEL, input: "hi", stream: true }), (e) => e.type),
  responses_helper: async () =>
    (await client.responses.stream({ model: MODEL, input: "hello there" }).finalResponse()).output_text,
  responses_tools: async () => {
    const answer = await client.responses.create({
      model: MODEL, input: "please call the tool",
      tools: [{ type: "function", name: "weather", parameters, strict: false }] });
    return JSON.parse(answer.output[0].arguments);
  },
  completions: async () =>
    (await client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "hello" })).choices[0].text,
  embeddings: async () => {
    const model = "text-embedding-3-small";
    const decoded = await client.embeddings.create({ model, input: "one" });
    const plain = await client.embeddings.create({ model, input: "one", encoding_format: "float" });
    return JSON.stringify(decoded.data[0].embedding) === JSON.stringify(plain.data[0].embedding);
  },
  models: async () => (await collect(client.models.list(), (m) => m.id.split("/").at(-1))).includes(MODEL),
  wrong_key: async () => {
    const stranger = new OpenAI({ ...options, apiKey: "bad-key" });
    await stranger.chat.completions.create({ model: MODEL, messages: user("hi") });
  },
  unknown_model: () => client.chat.completions.create({ model: "no-such-model", messages: user("hi") }),
  too_many: () => chat("x [[fake:status=429]]"),
  server_error: () => chat("x [[fake:status=500]]"),
  stream_error: async () =>
    collect(await chat("one two three four [[fake:midstreamerror]]", { stream: true }), delta),
  stream_cut: async () => collect(await chat("one two three [[fake:fin=700]]", { stream: true }), delta),
});
