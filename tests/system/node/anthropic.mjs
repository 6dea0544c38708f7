// SPDX-License-Identifier: Apache-2.0
// The @anthropic-ai/sdk package: see scenarios.mjs.
import Anthropic from "@anthropic-ai/sdk";
import { apiKey, baseUrl, CLAUDE, collect, parameters, run, user } from "./scenarios.mjs";

const options = { baseURL: baseUrl.replace(/\/v1$/, ""), maxRetries: 0 };
const client = new Anthropic({ ...options, apiKey });
const message = (text, more = {}) =>
  client.messages.create({ model: CLAUDE, max_tokens: 50, messages: user(text), ...more });
const tools = [{ name: "weather", input_schema: parameters }];

await run({
  messages: async () => (await message("hello there")).content[0].text,
  usage: async () => (await message("hello there")).usage.output_tokens,
  request_id: async () => (await message("hi"))._request_id.startsWith("req_"),
  stream: async () => {
    const stream = client.messages.stream({ model: CLAUDE, max_tokens: 50, messages: user("hello there") });
    return stream.finalText();
  },
  stream_events: async () => collect(await message("hi", { stream: true }), (e) => e.type),
  tools: async () => (await message("please call the tool", { tools })).content[0].input,
  tools_stream: async () => {
    const stream = client.messages.stream({
      model: CLAUDE, max_tokens: 50, messages: user("please call the tool"), tools });
    return (await stream.finalMessage()).content[0].input;
  },
  count_tokens: async () =>
    (await client.messages.countTokens({ model: CLAUDE, messages: user("a b c") })).input_tokens > 0,
  wrong_key: async () => {
    const stranger = new Anthropic({ ...options, apiKey: "bad-key" });
    await stranger.messages.create({ model: CLAUDE, max_tokens: 5, messages: user("hi") });
  },
  unknown_model: () => client.messages.create({ model: "no-such-model", max_tokens: 5, messages: user("hi") }),
  too_many: () => message("x [[fake:status=429]]"),
  server_error: () => message("x [[fake:status=500]]"),
  stream_error: async () =>
    collect(await message("one two three four [[fake:midstreamerror]]", { stream: true }), (e) => e.type),
});
