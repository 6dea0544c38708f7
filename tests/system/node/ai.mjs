// SPDX-License-Identifier: Apache-2.0
// The AI SDK with its OpenAI and Anthropic providers: see scenarios.mjs. Its default
// OpenAI model talks to /v1/responses; .chat() to /v1/chat/completions.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { embed, generateText, jsonSchema, streamText, tool } from "ai";
import { apiKey, baseUrl, CLAUDE, MODEL, parameters, run } from "./scenarios.mjs";

const openai = createOpenAI({ baseURL: baseUrl, apiKey });
const anthropic = createAnthropic({ baseURL: baseUrl, apiKey });
const models = { chat: openai.chat(MODEL), responses: openai(MODEL), messages: anthropic(CLAUDE) };
const weather = tool({ description: "weather", inputSchema: jsonSchema(parameters) });

async function streamed(model, prompt, more = {}) {
  let failure;
  const result = streamText({ model, prompt, maxRetries: 0, ...more,
    onError: ({ error }) => { failure = error; } });
  let text = "";
  for await (const delta of result.textStream) text += delta;
  if (failure) throw failure;
  return { text, calls: (await result.toolCalls).map((c) => c.input), finish: await result.finishReason };
}

const scenarios = {
  embed: async () =>
    (await embed({ model: openai.embedding("text-embedding-3-small"), value: "one" })).embedding.length > 0,
};
for (const [name, model] of Object.entries(models)) {
  Object.assign(scenarios, {
    [`${name}`]: async () => (await generateText({ model, prompt: "hello there" })).text,
    [`${name}_usage`]: async () =>
      (await generateText({ model, prompt: "hello there" })).usage.outputTokens,
    [`${name}_stream`]: async () => (await streamed(model, "hello there")).text,
    [`${name}_stream_finish`]: async () => (await streamed(model, "hello there")).finish,
    [`${name}_tools`]: async () =>
      (await generateText({ model, prompt: "please call the tool", tools: { weather } })).toolCalls[0].input,
    [`${name}_tools_stream`]: async () =>
      (await streamed(model, "please call the tool", { tools: { weather } })).calls[0],
    [`${name}_too_many`]: () =>
      generateText({ model, prompt: "x [[fake:status=429]]", maxRetries: 0 }),
    [`${name}_server_error`]: () =>
      generateText({ model, prompt: "x [[fake:status=500]]", maxRetries: 0 }),
    [`${name}_stream_error`]: () => streamed(model, "one two three four [[fake:midstreamerror]]"),
  });
}
await run(scenarios);
