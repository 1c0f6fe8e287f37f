// pagebell/backing/opfs-worker: the script of a worker that opens files for pages.

import { serveOpfs } from "./opfs-serve.ts";

serveOpfs(globalThis);
