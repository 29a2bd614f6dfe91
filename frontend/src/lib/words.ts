// What differs between two texts, word by word.

export interface Piece {
  text: string;
  changed: boolean;
}

/** Beyond this many pairs of words the middle counts as changed as a whole. */
const MOST_PAIRS = 400_000;

const split = (text: string) => text.match(/\s+|[^\s]+/g) ?? [];

/** Both texts in pieces, of which those that the other one has not are `changed`. */
export function compared(before: string, after: string): [Piece[], Piece[]] {
  const [a, b] = [split(before), split(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [oldMiddle, newMiddle] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const kept = oldMiddle.length * newMiddle.length <= MOST_PAIRS ? common(oldMiddle, newMiddle) : { a: new Set<number>(), b: new Set<number>() };
  const pieces = (words: string[], same: Set<number>) =>
    joined(words.map((text, place) => ({ text, changed: place >= start && place < words.length - end && !same.has(place - start) })));
  return [pieces(a, kept.a), pieces(b, kept.b)];
}

/** The places, in each list, of the longest series of words that both have in the same order. */
function common(a: string[], b: string[]): { a: Set<number>; b: Set<number> } {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      lengths[at] = a[i] === b[j] ? lengths[at + width + 1]! + 1 : Math.max(lengths[at + width]!, lengths[at + 1]!);
    }
  }
  const found = { a: new Set<number>(), b: new Set<number>() };
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      found.a.add(i++);
      found.b.add(j++);
    } else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i += 1;
    else j += 1;
  }
  return found;
}

/** Neighbours of one kind as one; a blank between two changed words belongs to the change. */
function joined(pieces: Piece[]): Piece[] {
  const found: Piece[] = [];
  pieces.forEach((piece, place) => {
    const between = !piece.text.trim() && pieces[place - 1]?.changed && pieces[place + 1]?.changed;
    const changed = piece.changed || Boolean(between);
    const last = found.at(-1);
    if (last && last.changed === changed) last.text += piece.text;
    else found.push({ text: piece.text, changed });
  });
  return found;
}
