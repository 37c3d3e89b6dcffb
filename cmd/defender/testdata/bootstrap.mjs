// A runtime: each event is the body of an asynchronous function.
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const base = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/`;
const AsyncFunction = (async () => {}).constructor;
for (;;) {
  const next = await fetch(base + "next");
  const id = next.headers.get("lambda-runtime-aws-request-id");
  const event = await next.json();
  let kind = "response", body;
  try {
    body = JSON.stringify((await new AsyncFunction("require", event)(require)) ?? null);
  } catch (e) {
    kind = "error";
    body = JSON.stringify({ errorType: e.code ?? e.name, errorMessage: e.message });
  }
  await (await fetch(base + id + "/" + kind, { method: "POST", body })).text();
}
