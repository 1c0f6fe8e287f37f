// Linear memory as seen from JavaScript.
//
// Invariants
//   H1  A view is taken anew once the memory has grown: the old one is detached, its length is 0.
//   H2  Nobody outside `src/engine/` gets a view of bookkeeping, only of a frame's bytes.

/** Views of one linear memory. Use them at once; never keep one across a call of the engine. */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  #words: Uint32Array;
  #bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#words = new Uint32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  get words(): Uint32Array {
    if (this.#words.length === 0) this.#renew();
    return this.#words;
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#renew();
    return this.#bytes;
  }

  /** The f64 at a byte address that is a multiple of eight. */
  double(address: number): number {
    return new Float64Array(this.#memory.buffer, address, 1)[0] ?? 0;
  }

  /** `count` of f64 from a byte address on that is a multiple of eight. */
  doubles(address: number, count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, address, count);
  }

  /** The word at `index`, as unsigned. */
  word(index: number): number {
    return this.words[index] ?? 0;
  }

  /** The 64-bit value whose low word is at `index`; exact below 2**53. */
  wide(index: number): number {
    return this.word(index) + this.word(index + 1) * 0x1_0000_0000;
  }

  /** Bytes of the whole memory. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  #renew(): void {
    this.#words = new Uint32Array(this.#memory.buffer);
    this.#bytes = new Uint8Array(this.#memory.buffer);
  }
}
