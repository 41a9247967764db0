// @ts-check
/**
 * One line of the doctor. `wrong` stands in the way of something and names the command that mends it or shows more;
 * `weak` works, but not as it could.
 * @typedef {{ readonly area: string, readonly text: string }
 *   & ({ readonly state: 'fine' | 'weak' } | { readonly state: 'wrong', readonly command: string })} Finding
 */

/** @param {string} area @param {string} text @returns {Finding} */
export const fine = (area, text) => ({ area, state: 'fine', text });

/** @param {string} area @param {string} text @returns {Finding} */
export const weak = (area, text) => ({ area, state: 'weak', text });

/** @param {string} area @param {string} text @param {string} command @returns {Finding} */
export const wrong = (area, text, command) => ({ area, state: 'wrong', text, command });

const marks = { fine: ['✓', '\u001b[32m'], weak: ['!', '\u001b[33m'], wrong: ['✗', '\u001b[31m'] };

/** @param {Finding} finding @param {{ readonly hasColours: boolean }} options @returns {string} */
export function formatFinding(finding, { hasColours }) {
  const [mark = '', colour = ''] = marks[finding.state];
  const shown = hasColours ? `${colour}${mark}\u001b[0m` : mark;
  const line = `${shown} ${finding.area.padEnd(12)} ${finding.text}`;
  return finding.state === 'wrong' ? `${line}\n${' '.repeat(15)}→ ${finding.command}` : line;
}
