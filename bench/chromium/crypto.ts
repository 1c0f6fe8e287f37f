// What stands for node:crypto in a page: SHA-256, at once, of text and bytes.

const BLOCK = 64;

/** The first 32 bits of the fractional parts of roots of primes, as FIPS 180-4 has them. */
const PRIMES = primes(64);
const FIRST = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUNDS = PRIMES.map((prime) => fraction(Math.cbrt(prime)));

export function createHash(algorithm: "sha256"): Sha256 {
  if (algorithm !== "sha256") throw new RangeError(`there is no "${algorithm}" here`);
  return new Sha256();
}

class Sha256 {
  #state = Uint32Array.from(FIRST);
  #pending = new Uint8Array(BLOCK);
  #count = 0;

  update(data: string | Uint8Array): this {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length; ) {
      const room = BLOCK - (this.#count % BLOCK);
      const part = bytes.subarray(at, at + room);
      this.#pending.set(part, this.#count % BLOCK);
      this.#count += part.length;
      at += part.length;
      if (this.#count % BLOCK === 0) this.#fold();
    }
    return this;
  }

  copy(): Sha256 {
    const other = new Sha256();
    other.#state = this.#state.slice();
    other.#pending = this.#pending.slice();
    other.#count = this.#count;
    return other;
  }

  digest(_encoding: "hex"): string {
    const bits = this.#count * 8;
    const zeros = (BLOCK + 55 - (this.#count % BLOCK)) % BLOCK;
    const tail = new Uint8Array(1 + zeros + 8);
    tail[0] = 0x80;
    const length = new DataView(tail.buffer, 1 + zeros);
    length.setUint32(0, Math.floor(bits / 2 ** 32));
    length.setUint32(4, bits >>> 0);
    this.update(tail);
    return Array.from(this.#state, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  #fold(): void {
    const words = schedule(this.#pending);
    const s = Array.from(this.#state);
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = s;
    for (let round = 0; round < 64; round++) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const choice = (e & f) ^ (~e & g);
      const one = (h + s1 + choice + (ROUNDS[round] as number) + (words[round] as number)) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const most = (a & b) ^ (a & c) ^ (b & c);
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + s0 + most) | 0];
    }
    for (const [index, value] of [a, b, c, d, e, f, g, h].entries()) {
      this.#state[index] = (s[index] as number) + value;
    }
  }
}

function schedule(block: Uint8Array): Int32Array {
  const view = new DataView(block.buffer, block.byteOffset);
  const words = new Int32Array(64);
  for (let at = 0; at < 16; at++) words[at] = view.getInt32(at * 4);
  for (let at = 16; at < 64; at++) {
    const [old, recent] = [words[at - 15] as number, words[at - 2] as number];
    const s0 = turn(old, 7) ^ turn(old, 18) ^ (old >>> 3);
    const s1 = turn(recent, 17) ^ turn(recent, 19) ^ (recent >>> 10);
    words[at] = (words[at - 16] as number) + s0 + (words[at - 7] as number) + s1;
  }
  return words;
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function fraction(value: number): number {
  return Math.floor((value % 1) * 2 ** 32) >>> 0;
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let next = 2; found.length < count; next++) {
    if (found.every((prime) => next % prime !== 0)) found.push(next);
  }
  return found;
}
