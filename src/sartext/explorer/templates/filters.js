// Facets: which rows are left, in which order, and how many images each further choice would leave.
const filters = (() => {
  const BLOCK = 4;
  let facets = [], lengths = null, rows = 0;
  const orders = new Map();

  async function load() {
    const columns = await shards.load("columns");
    lengths = shards.numbers(columns.lengths);
    rows = lengths.length;
    facets = columns.facets.map(({ name, title, values, codes, ends }) => ({
      name, title, values, codes: shards.numbers(codes), ends: ends && shards.numbers(ends), chosen: new Set(),
    }));
    return facets;
  }

  // Mixed shows a few neighbours of many places each, so that one page holds many corpora and loads few scripts.
  function order(name) {
    if (!orders.has(name)) {
      const made = Uint32Array.from({ length: rows }, (_, row) => row);
      const turn = row => Math.imul(Math.floor(row / BLOCK) + 1, 2654435761) >>> 0;
      if (name === "mixed") made.sort((one, other) => turn(one) - turn(other) || one - other);
      if (name === "shortest") made.sort((one, other) => lengths[one] - lengths[other] || one - other);
      if (name === "longest") made.sort((one, other) => lengths[other] - lengths[one] || one - other);
      orders.set(name, made);
    }
    return orders.get(name);
  }

  function meets(facet, row) {
    if (!facet.ends) return facet.chosen.has(facet.codes[row]);
    for (let at = row ? facet.ends[row - 1] : 0; at < facet.ends[row]; at++) if (facet.chosen.has(facet.codes[at])) return true;
    return false;
  }

  function add(facet, counts, row) {
    if (!facet.ends) { counts[facet.codes[row]]++; return; }
    for (let at = row ? facet.ends[row - 1] : 0; at < facet.ends[row]; at++) counts[facet.codes[at]]++;
  }

  // Rows that meet the text and all facets; a facet's counts are of what meets the text and all other facets.
  function apply(candidates, found) {
    const counts = facets.map(facet => new Uint32Array(facet.values.length));
    const active = facets.filter(facet => facet.chosen.size);
    const left = new Uint32Array(candidates.length);
    let count = 0;
    for (const row of candidates) {
      if (found && !found[row]) continue;
      let missed = null, misses = 0;
      for (const facet of active) if (!meets(facet, row) && ++misses) { missed = facet; if (misses > 1) break; }
      if (misses > 1) continue;
      if (!misses) left[count++] = row;
      for (let at = 0; at < facets.length; at++) if (!misses || facets[at] === missed) add(facets[at], counts[at], row);
    }
    return { rows: left.subarray(0, count), counts };
  }

  return { load, order, apply, get facets() { return facets; }, get rows() { return rows; } };
})();
