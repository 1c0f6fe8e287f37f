// What carries an event to listeners: "the page at this address goes".

export type Listener = (address: number) => void;

export interface Bus {
  /** Registers a listener. Returns how it leaves. */
  listen(listener: Listener): () => void;
  /** Tells all who listen, one after another; returns when the last has heard it. */
  tell(address: number): void;
}

/** The same where each listener is waited for before the next is told. */
export interface WaitingBus {
  listen(listener: (address: number) => Promise<void>): () => void;
  /** Settles when the last has answered. */
  tell(address: number): Promise<void>;
}
