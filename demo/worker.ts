// The engine in a Worker: the first message brings the compiled engine and the port.

import type { Hello } from "./protocol.ts";
import { serve } from "./serve.ts";

addEventListener("message", ({ data, ports }: MessageEvent<Hello>) => {
  const [port] = ports;
  if (port !== undefined) serve(port, data.engine);
});
