/** The symbols of `icons.svg`. */
export type IconName =
  | 'add'
  | 'alert'
  | 'archive'
  | 'attach'
  | 'back'
  | 'check'
  | 'chevron'
  | 'clock'
  | 'close'
  | 'copy'
  | 'cross'
  | 'down'
  | 'download'
  | 'edit'
  | 'file'
  | 'folder'
  | 'help'
  | 'image'
  | 'mark'
  | 'menu'
  | 'more'
  | 'offline'
  | 'panel'
  | 'plan'
  | 'question'
  | 'refresh'
  | 'search'
  | 'send'
  | 'sign-out'
  | 'spark'
  | 'stop'
  | 'table'
  | 'terminal'
  | 'tool'
  | 'trash';

const namespace = 'http://www.w3.org/2000/svg';

/** An icon in the colour of the text around it; it says nothing to screen readers. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(namespace, 'use');
  use.setAttribute('href', `/page/icons.svg#${name}`);
  svg.append(use);
  return svg;
}
