// The engine that is part of the package: its bytes travel as text, so that no loader is needed.

import base64 from "virtual:engine-wasm";

/** The bytes of the release module. */
export function inlinedBytes(): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
