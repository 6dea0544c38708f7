// SPDX-License-Identifier: Apache-2.0
// Runs every scenario of one SDK and prints one JSON object: name -> {ok: value} or
// {error: what the SDK threw}. test_sdk_node.py asserts on it.
//
// env: SDK (openai, openai6, anthropic, ai), BASE_URL (ends in /v1), API_KEY

export const baseUrl = process.env.BASE_URL;
export const apiKey = process.env.API_KEY;
export const MODEL = "gpt-4o-mini";
export const CLAUDE = "claude-3-haiku-20240307";
export const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
};
export const user = (text) => [{ role: "user", content: text }];

export async function collect(stream, pick) {
  const all = [];
  for await (const event of stream) all.push(pick(event));
  return all;
}

function told(error) {
  const inner = error.lastError ?? error; // the AI SDK wraps after its retries
  return {
    name: inner.name === "Error" ? inner.constructor.name : inner.name,
    kind: inner.constructor.name,
    status: inner.status ?? inner.statusCode,
    code: inner.code ?? inner.data?.error?.code,
    type: inner.type ?? inner.data?.error?.type,
    message: String(inner.message),
  };
}

export async function run(scenarios) {
  const results = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    try {
      results[name] = { ok: await scenario() };
    } catch (error) {
      results[name] = { error: told(error) };
    }
  }
  process.stdout.write(JSON.stringify(results));
}
