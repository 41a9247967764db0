/** What an element may hold; null and false leave nothing, a list all of its own: a call takes some 100,000 arguments. */
export type Child = Node | string | null | false | readonly Child[];

/** Attributes by name; true writes an empty one, false and null leave it away; `on` listens. */
export interface Attributes {
  readonly [name: string]:
    | string
    | number
    | boolean
    | null
    | undefined
    | Readonly<Record<string, (event: never) => void>>;
  readonly on?: { readonly [Type in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Type]) => void };
}

/** Makes an element. Text only ever becomes text: nothing here parses markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'object') {
      for (const [type, listener] of Object.entries(value)) {
        made.addEventListener(type, listener as EventListener);
      }
    } else {
      made.setAttribute(name, value === true ? '' : String(value));
    }
  }
  append(made, children);
  return made;
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === false) continue;
    if (typeof child === 'string' || child instanceof Node) parent.append(child);
    else append(parent, child);
  }
}

/** Puts children in place of what an element held. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** Writes a text only when it is another one, so that selections and live regions are left alone. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
