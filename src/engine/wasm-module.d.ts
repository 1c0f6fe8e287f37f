// The engine's release module as text: the build puts it in.

declare module "virtual:engine-wasm" {
  /** The bytes of `build/release.wasm` in base64. */
  const base64: string;
  export default base64;
}
