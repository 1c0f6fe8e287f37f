// Making elements: a tag, its properties, its children.

type Properties = Readonly<Record<string, string | number | boolean | ((event: Event) => void)>>;

/**
 * A new element. A property that is a function listens to the event of its name; `true` and
 * `false` set and leave out an attribute; the rest are attributes.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (typeof value === "boolean") made.toggleAttribute(name, value);
    else made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** An address or a frame number as everybody in this field writes it. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A number that a person reads. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}
