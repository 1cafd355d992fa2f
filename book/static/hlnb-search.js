// The search page. Each section is weighed by the words it shares with the query, those
// of titles most, and rare words more than frequent ones.
"use strict";

const WORD = /[\p{L}\p{N}]+/gu;
const WEIGHTS = { chapter: 1, term: 0.75, page: 0.6, list: 0.4 };
const TITLE = 3; // a title with all words of the query; all of them in a text count 1
const OF_A_PAGE = 1.3; // the title of a page, beside that of a section
const LEADING = 0.15; // for a title that begins with the query
const SHOWN = 25; // pages and terms
const LONG = 260; // letters of an excerpt
const LEAST = 0.1; // of the best score

const stemmer = new Stemmer(); // this and `stopwords` are Sphinx's, of language_data.js
const known = new Map();
function stem(word) {
  if (!known.has(word)) known.set(word, stemmer.stemWord(word.toLowerCase()));
  return known.get(word);
}
const stems = (text) => (text.match(WORD) || []).map(stem);

// What was asked: the query, and the query with a term in place of its other name.
function readings(query, aliases) {
  const asked = ` ${(query.toLowerCase().match(WORD) || []).join(" ")} `;
  const found = [asked];
  for (const [alias, term] of Object.entries(aliases)) {
    const name = ` ${alias.toLowerCase().match(WORD).join(" ")} `;
    if (asked.includes(name)) found.push(asked.replace(name, ` ${term} `));
  }
  return found.map((text) => {
    const all = text.match(WORD) || [];
    const telling = all.filter((word) => !stopwords.includes(word));
    return stems((telling.length ? telling : all).join(" "));
  });
}

function score(section, query, rarity) {
  const sum = (list) => list.reduce((total, word) => total + rarity(word), 0);
  const whole = sum(query);
  const counts = query.map((word) => section.words.filter((w) => w === word).length);
  const told = query.reduce((total, word, i) =>
    total + rarity(word) * counts[i] / (counts[i] + 1 + section.words.length / 200), 0);
  const phrase = ` ${query.join(" ")} `;
  const title = ` ${section.title.join(" ")} `;
  const leading = title.replace(/^ \d+/, "").startsWith(phrase) ? LEADING : 0;
  const within = query.filter((word) => section.title.includes(word));
  const beside = section.title.filter((word) => !query.includes(word));
  const alike = sum(within) / (whole + sum(beside));
  const titled = sum(within) / whole * (0.6 + 0.4 * alike) + leading;
  const together = query.length > 1 ? [title, ` ${section.words.join(" ")} `].map(
    (words) => words.includes(phrase) ? 1 : 0) : [0, 0];
  const covered = sum(query.filter((word, i) => counts[i] ||
    section.title.includes(word) || section.page.title.includes(word))) / whole;
  const page = section.anchor === "" ? OF_A_PAGE : 1;
  return WEIGHTS[section.kind] * covered ** 2 * (
    told / whole + TITLE * page * titled + together[0] + together[1] / 2);
}

// The sentences of a paragraph that share most with the query; of a definition, all.
function excerpt(section, query, rarity) {
  if (section.kind === "term") return section.text.replaceAll("\n", " ");
  const weigh = (text) => {
    const words = new Set(stems(text));
    return query.reduce((total, word) => total + (words.has(word) ? rarity(word) : 0), 0);
  };
  let best = "", most = -1;
  for (const block of section.text.split("\n")) {
    const sentences = block.match(/.+?(?:[.!?]["”)]?(?=\s)|$)\s*/gu) || [];
    sentences.forEach((sentence, i) => {
      const weight = weigh(sentence);
      if (weight <= most) return;
      most = weight;
      best = sentence;
      for (const next of sentences.slice(i + 1)) {
        if (best.length + next.length > LONG) break;
        best += next;
      }
    });
  }
  return shortened(best, query);
}

// A text of at most `LONG` letters with the first word of the query in it.
function shortened(text, query) {
  if (text.length <= LONG) return text;
  const found = [...text.matchAll(WORD)].find((match) => query.includes(stem(match[0])));
  const at = found && found.index > LONG / 2 ? found.index - LONG / 4 : 0;
  const cut = text.slice(at, at + LONG).replace(/\s\S*$/u, " …");
  return at ? cut.replace(/^\S*/u, "…") : cut;
}

function marked(text, query) {
  const place = document.createElement("p");
  let from = 0;
  for (const match of text.matchAll(WORD)) {
    if (!query.includes(stem(match[0]))) continue;
    const mark = document.createElement("mark");
    mark.textContent = match[0];
    place.append(text.slice(from, match.index), mark);
    from = match.index + match[0].length;
  }
  place.append(text.slice(from));
  return place;
}

function link(section, text) {
  const a = document.createElement("a");
  a.href = section.page.file + (section.anchor && `#${section.anchor}`);
  a.textContent = text;
  return a;
}

function item(hits, rarity) {
  const [best, ...others] = hits;
  const li = document.createElement("li");
  const { section } = best;
  const page = section.page.name;
  li.append(link(section, section.anchor ? `${page} › ${section.name}` : page));
  if (section.text) li.append(marked(excerpt(section, best.query, rarity), best.query));
  if (others.length) {
    const also = document.createElement("p");
    also.className = "hlnb-also";
    also.append("Also there: ");
    others.slice(0, 3).forEach((hit, i) =>
      also.append(i ? " · " : "", link(hit.section, hit.section.name)));
    li.append(also);
  }
  return li;
}

function hlnbSearch({ pages, aliases }) {
  const query = new URLSearchParams(location.search).get("q") || "";
  document.querySelectorAll('input[name="q"]').forEach((e) => (e.value = query));
  if (!query.trim()) return;
  const sections = Object.entries(pages).flatMap(([docname, { kind, sections, terms }]) => {
    const [[, name]] = sections;
    const page = { file: `${docname}.html`, name, title: stems(name) };
    const read = (kind) => ([anchor, name, text]) => (
      { page, kind, anchor, name, text, title: stems(name), words: stems(text) });
    return [...sections.map(read(kind)), ...terms.map(read("term"))];
  });
  const frequency = new Map();
  for (const { title, words } of sections)
    for (const word of new Set([...title, ...words]))
      frequency.set(word, (frequency.get(word) || 0) + 1);
  const rarity = (word) => Math.log(1 + sections.length / (1 + (frequency.get(word) || 0)));
  const asked = readings(query, aliases);
  const hits = sections.map((section) => asked
    .map((words) => ({ section, query: words, score: score(section, words, rarity) }))
    .reduce((a, b) => (b.score > a.score ? b : a)));
  hits.sort((a, b) => b.score - a.score);
  const groups = new Map(); // by page, but each term of the glossary by itself
  for (const hit of hits) {
    if (!(hit.score > LEAST * hits[0].score)) break;
    const key = hit.section.kind === "term" ? hit.section : hit.section.page;
    groups.set(key, [...(groups.get(key) || []), hit]);
  }
  const shown = [...groups.values()].slice(0, SHOWN);
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  const list = document.createElement("ol");
  list.className = "search";
  list.append(...shown.map((group) => item(group, rarity)));
  document.getElementById("search-results").append(status, list);
  status.textContent = shown.length
    ? `${groups.size} ${groups.size === 1 ? "place" : "places"}, the best first` +
      (groups.size > SHOWN ? `; here are ${SHOWN}.` : ".")
    : "Nothing in the book has these words.";
}
