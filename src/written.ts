// Who waits until some page has been written, to swap or to a file: its frame can be had then.

export class Written {
  readonly #listeners = new Set<() => void>();

  /** Calls `listener` when a page has been written, or could not be; returns how to stop. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
