// Full text: every word of every caption as a number, and for every word the rows that hold it.
const words = (() => {
  let vocabulary = [], ids = [], tokens = null, ends = null, rowsOf = null, rowsEnd = null;
  let ready = null;

  const split = text => text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

  function load(count) {
    ready ??= read(count);
    return ready;
  }

  async function read(count) {
    const names = Array.from({ length: count }, (_, number) => `words/${number}`);
    const [known, identifiers, ...parts] = await Promise.all(["words", "ids", ...names].map(shards.load));
    const lengths = parts.map(part => shards.numbers(part.lengths));
    const texts = parts.map(part => shards.numbers(part.tokens));
    vocabulary = known;
    ids = identifiers;
    const total = texts.reduce((sum, part) => sum + part.length, 0);
    tokens = vocabulary.length < 65536 ? new Uint16Array(total) : new Uint32Array(total);
    ends = new Uint32Array(ids.length);
    let at = 0, row = 0, end = 0;
    for (const part of texts) { tokens.set(part, at); at += part.length; }
    for (const part of lengths) for (const length of part) ends[row++] = end += length;
    invert();
  }

  // Rows of each word, without repetition: counted first, then filled in.
  function invert() {
    const counts = new Uint32Array(vocabulary.length + 2), last = new Int32Array(vocabulary.length + 1).fill(-1);
    each((token, row) => { if (last[token] !== row) { last[token] = row; counts[token + 1]++; } });
    for (let token = 1; token < counts.length; token++) counts[token] += counts[token - 1];
    rowsEnd = counts.slice();
    rowsOf = new Uint32Array(counts[counts.length - 1]);
    last.fill(-1);
    each((token, row) => { if (last[token] !== row) { last[token] = row; rowsOf[counts[token]++] = row; } });
  }

  function each(use) {
    for (let row = 0, at = 0; row < ends.length; row++) for (; at < ends[row]; at++) use(tokens[at], row);
  }

  // "two ships" in quotation marks is a phrase, anything else begins a word; a minus before it leaves out.
  function parse(query) {
    const terms = [];
    for (const [, minus, phrase, bare] of query.matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/g)) {
      const parts = split(phrase ?? bare);
      if (parts.length) terms.push({ words: parts, begins: phrase === undefined, without: minus === "-" });
    }
    return terms;
  }

  // The numbers of the words from `first` on that begin so, or that are it: [from, to).
  function range(word, begins) {
    const from = lower(word);
    if (begins) return [from + 1, lower(word + "\uffff") + 1];
    return vocabulary[from] === word ? [from + 1, from + 2] : [0, 0];
  }

  function lower(word) {
    let low = 0, high = vocabulary.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (vocabulary[middle] < word) low = middle + 1; else high = middle;
    }
    return low;
  }

  function mark(term) {
    const hits = new Uint8Array(ends.length);
    const ranges = term.words.map((word, at) => range(word, term.begins && at === term.words.length - 1));
    const [from, to] = ranges[0];
    if (ranges.some(([first, end]) => first >= end)) return hits;
    for (let at = rowsEnd[from]; at < rowsEnd[to]; at++) {
      const row = rowsOf[at];
      if (!hits[row] && (ranges.length === 1 || holds(row, ranges))) hits[row] = 1;
    }
    return hits;
  }

  function holds(row, ranges) {
    const first = row ? ends[row - 1] : 0, last = ends[row] - ranges.length;
    for (let at = first; at <= last; at++) {
      if (ranges.every(([from, to], step) => tokens[at + step] >= from && tokens[at + step] < to)) return true;
    }
    return false;
  }

  // One byte per row, 1 where all terms are met or the identifier holds the query; null for an empty query.
  function find(query) {
    const terms = parse(query), sought = query.trim().toLowerCase();
    if (!sought) return null;
    const found = new Uint8Array(ends.length).fill(terms.length ? 1 : 0);
    for (const term of terms) {
      const hits = mark(term), wanted = term.without ? 0 : 1;
      for (let row = 0; row < found.length; row++) if (hits[row] !== wanted) found[row] = 0;
    }
    if (/[\d/]/.test(sought) && sought.length > 2) {
      for (let row = 0; row < found.length; row++) if (!found[row] && ids[row].toLowerCase().includes(sought)) found[row] = 1;
    }
    return found;
  }

  // Which words of a text a query found, for `<mark>`.
  function isFound(terms) {
    const sought = terms.filter(term => !term.without);
    return word => sought.some(term => term.words.some((each, at) =>
      term.begins && at === term.words.length - 1 ? word.startsWith(each) : word === each));
  }

  return { load, find, parse, split, isFound, rowOf: id => ids.indexOf(id), idOf: row => ids[row], isReady: () => ends !== null };
})();
