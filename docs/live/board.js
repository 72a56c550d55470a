// Rules of Sudoku, and boards from text. A board is an array of 81 digits, 0 for a blank.

const CELLS = [...Array(81).keys()];
const KINDS = ["row", "column", "box"];
const unitsOf = (cell) => {
  const [row, column] = [Math.floor(cell / 9), cell % 9];
  return [row, column, 3 * Math.floor(row / 3) + Math.floor(column / 3)];
};
const shares = (a, b) => a !== b && unitsOf(a).some((unit, kind) => unit === unitsOf(b)[kind]);
const PEERS = CELLS.map((cell) => CELLS.filter((other) => shares(cell, other)));

/** Whether each cell holds a digit that stands twice in its row, column or box. */
export const conflicts = (board) =>
  CELLS.map((cell) => board[cell] > 0 && PEERS[cell].some((peer) => board[peer] === board[cell]));

/** A sentence on the first digit that stands twice; nothing if none does. */
export function contradiction(board) {
  for (const kind of [0, 1, 2]) {
    for (const cell of CELLS.filter((cell) => board[cell])) {
      const unit = unitsOf(cell)[kind];
      const twin = PEERS[cell].find(
        (peer) => board[peer] === board[cell] && unitsOf(peer)[kind] === unit
      );
      if (twin !== undefined) {
        return `${board[cell]} stands twice in ${KINDS[kind]} ${unit + 1}: change one of them.`;
      }
    }
  }
}

const BLANKS = /[.0_?*\-]/;
const FRAME = /[|+=,;:"'()[\]{}\u2500-\u257f]/g;

/**
 * Read a board: 81 cells in a line or in nine lines, with or without a frame. A blank is one of
 * . 0 _ ? * - or any other sign, if it is the only one beside digits; spaces count as blanks if
 * only they make up 81. Throws an error with a sentence for the reader.
 */
export function parseBoard(text) {
  const lines = text.normalize("NFKC").split(/\r\n?|\n/).filter((line) => line.trim());
  const rules = (line) => /[+=\u2500-\u257f]|-{10}/.test(line) && !/[1-9]/.test(line);
  const tight = lines.join("").replace(/\s/g, "");
  const framed = lines.filter((line) => !rules(line)).join("").replace(/\s/g, "").replace(FRAME, "");
  const spaced = lines.map((line) => (lines.length === 9 ? line.padEnd(9) : line)).join("");
  const found = [framed, tight, spaced.replace(/ /g, ".")].find((cells) => cells.length === 81);
  const cells = [...(found ?? framed)];
  if (!cells.length) throw new Error("There is no board yet: give 81 digits and blanks.");
  const signs = new Set(cells.filter((sign) => !/[0-9]/.test(sign)));
  const strange = [...signs].filter((sign) => !BLANKS.test(sign));
  if (strange.length && (signs.size > 1 || cells.includes("0"))) {
    throw new Error(
      `A board has the digits 1 to 9 and one sign for blanks, such as a dot: got “${strange[0]}”.`
    );
  }
  if (cells.length !== 81) {
    throw new Error(`A board has 81 cells, nine rows of nine: got ${cells.length}.`);
  }
  return cells.map((sign) => (/[1-9]/.test(sign) ? +sign : 0));
}
