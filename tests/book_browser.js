// The book in a real browser: each page in a frame, one after the other, read
// as a student does. FOLDER, PAGES and DARK come from tests/check_book, which
// reads on the console what is wrong, and last what was read.
"use strict";
const faults = [];
const counts = {pages: 0, links: 0, anchors: 0, marks: 0, boxes: 0,
  figures: 0};
const WIDTHS = [1280, 1024, 420, 1400]; // projectors, a telephone, a screen
const frame = document.querySelector("iframe");
const ids = new Map(); // of each page
const wanted = []; // links from page to page
const cited = new Set(); // marks, as ids

const pause = () => new Promise((done) => setTimeout(done, 20));

// A page hears of its scrolling when it is drawn next: gives it time for that.
async function until(condition) {
  for (let i = 0; i < 500 && !condition(); i++) await pause();
}

function load(url) {
  return new Promise((done) => {
    frame.onload = done;
    frame.src = url;
  });
}

function key(doc, name, more = {}) {
  (doc.activeElement || doc.body).dispatchEvent(new doc.defaultView
    .KeyboardEvent("keydown", {key: name, bubbles: true, cancelable: true,
      ...more}));
}

// Is the element within the pane, and the pane the one place that shows it?
function isShown(element, pane) {
  const at = element.getBoundingClientRect();
  const room = pane.getBoundingClientRect();
  return at.height > 0 && at.top < room.bottom && at.bottom > room.top;
}

const place = (doc, link) =>
  doc.getElementById(decodeURIComponent(link.hash.slice(1)));

function checkLinks(doc, page, fault) {
  for (const link of doc.querySelectorAll("a[href]")) {
    const href = link.getAttribute("href");
    counts.links++;
    if (/^https?:/.test(href)) {
      if (!/noreferrer/.test(link.rel)) fault(`${href}: tells who asks`);
    } else if (href.startsWith("#")) {
      if (href !== "#" && !place(doc, link)) fault(`${href} leads nowhere`);
    } else {
      const [file, id] = href.split("#");
      wanted.push({page, file: page.replace(/[^/]*$/, "") + file, id});
    }
  }
  for (const {hash} of doc.querySelectorAll("a.anchor:not(.file)"))
    cited.add(decodeURIComponent(hash.slice(1)));
  const seen = new Set();
  for (const {id} of doc.querySelectorAll("[id]")) {
    if (seen.has(id)) fault(`two elements have the id ${id}`);
    seen.add(id);
  }
  ids.set(page, seen);
}

function checkLit(doc, link, how, fault) {
  const pane = doc.querySelector(".sources");
  const target = place(doc, link);
  const what = link.getAttribute("href");
  if (!target) return; // told as a link already
  if (!link.classList.contains("lit")) fault(`${what}: not lit by ${how}`);
  if (doc.querySelectorAll(".anchor.lit").length !== 1)
    fault(`${what}: not the only one that is lit`);
  if (!isShown(target, pane)) fault(`${what}: ${how} does not show it`);
  if (target.matches(".mark") !== target.classList.contains("lit"))
    fault(`${what}: its lines are not lit by ${how}`);
}

// "Read beside it: A, then B": of links to whole files, one after the other in
// a paragraph, scrolling lights the first.
function firstOf(link) {
  while (link.matches(".file") &&
      link.previousElementSibling?.matches(".anchor.file"))
    link = link.previousElementSibling;
  return link;
}

function checkFollowed(doc, fault) {
  const lit = doc.querySelector("main .anchor.lit");
  if (lit && lit !== firstOf(lit))
    fault(`${lit.textContent}: lit by scrolling, and it is not the first`);
}

async function checkAnchors(doc, fault) {
  const anchors = [...doc.querySelectorAll("a.anchor")];
  for (const link of anchors) {
    counts.anchors++;
    link.click();
    checkLit(doc, link, "a click", fault);
  }
  if (anchors.length < 2) return;
  anchors[0].click();
  key(doc, "j");
  checkLit(doc, anchors[1], "the key j", fault);
  key(doc, "k");
  checkLit(doc, anchors[0], "the key k", fault);
  const view = doc.defaultView;
  const last = firstOf(anchors[anchors.length - 1]);
  view.scrollTo(0, doc.documentElement.scrollHeight);
  await until(() => last.classList.contains("lit"));
  checkLit(doc, last, "scrolling to the end", fault);
  for (let y = 0; y < 600 && anchors[1] !== firstOf(anchors[1]); y += 50) {
    view.scrollTo(0, y);
    await pause();
    checkFollowed(doc, fault);
  }
}

// On a projector, a line of 80 columns is read without scrolling: in a trace, its end is what
// the trace is for.
function checkWidths(doc, fault) {
  const room = doc.querySelector(".sources");
  const hidden = [...doc.querySelectorAll(".source[hidden]")];
  for (const section of hidden) section.hidden = false;
  for (const pre of doc.querySelectorAll("main pre, .sources pre")) {
    const lines = pre.textContent.split("\n");
    if (lines.some((line) => [...line].length > 80)) continue;
    const box = pre.closest(".sources") ? room : pre;
    counts.boxes++;
    if (pre.scrollWidth > box.clientWidth)
      fault("cut off at the end: " +
        lines.reduce((a, b) => a.length < b.length ? b : a).trim());
  }
  for (const section of hidden) section.hidden = true;
}

// A click makes a figure as large as the window, and Escape small again. In a
// narrow window it is as wide as it must be to be read, and can be scrolled.
function checkFigures(doc, fault) {
  for (const figure of doc.querySelectorAll(".drawn")) {
    const view = doc.defaultView;
    const drawing = figure.querySelector("svg");
    counts.figures++;
    figure.click();
    const large = figure.getBoundingClientRect().height >= view.innerHeight &&
      drawing.getBoundingClientRect().bottom <= view.innerHeight;
    key(doc, "Escape");
    if (!large || figure.getBoundingClientRect().height >= view.innerHeight)
      fault("a figure is not made large by a click, small by Escape");
    frame.width = 420;
    if (drawing.getBoundingClientRect().width < 700 ||
        figure.scrollWidth <= figure.clientWidth)
      fault("a figure is too small to be read in a narrow window");
    frame.width = 1400;
  }
}

async function checkSearch(doc, fault) {
  const text = doc.querySelector("main h1").textContent;
  const word = text.match(/[A-Za-z]{3,}/)[0];
  const before = doc.querySelector("main").textContent;
  if (!doc.querySelector(".keys")?.checkVisibility())
    fault("does not tell the key of the search");
  key(doc, "/");
  const field = doc.activeElement;
  if (field.id !== "find") fault("the key / does not lead to the search");
  field.value = word.toUpperCase();
  field.dispatchEvent(new doc.defaultView.Event("input"));
  const hits = doc.querySelectorAll("main mark");
  if (hits.length === 0) fault(`the search does not find ${word}`);
  for (const hit of hits)
    if (hit.textContent.toLowerCase() !== word.toLowerCase())
      fault(`the search finds ${hit.textContent}`);
  key(doc, "Enter");
  if (doc.querySelectorAll("main mark.now").length !== 1)
    fault("Enter does not lead to a place that was found");
  key(doc, "Escape");
  if (doc.querySelector("main mark")) fault("Escape leaves marks behind");
  if (doc.querySelector("main").textContent !== before)
    fault("the search changes the text");
}

// Relative luminance, and contrast, as the accessibility guidelines define.
function light(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map((part) => {
    part /= 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function checkColours(doc, fault) {
  const style = (element) => doc.defaultView.getComputedStyle(element);
  const paper = light(style(doc.documentElement).backgroundColor);
  if (DARK !== paper < 0.5) fault("does not follow the wish light or dark");
  for (const name of ["main", "main a", ".code .c", ".code .tag", ".code i"]) {
    const element = doc.querySelector(name);
    if (!element) continue;
    const ink = light(style(element).color);
    const contrast =
      (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < (name === ".code i" ? 3 : 4.5))
      fault(`${name}: contrast ${contrast.toFixed(1)}`);
  }
}

async function checkPage(page) {
  const fault = (words) => faults.push(`${page}: ${words}`);
  await load(FOLDER + page);
  const doc = frame.contentDocument;
  counts.pages++;
  counts.marks += doc.querySelectorAll(".sources .mark").length;
  for (const {name} of doc.defaultView.performance.getEntriesByType("resource"))
    fault(`loads ${name}`);
  checkColours(doc, fault);
  checkLinks(doc, page, fault);
  for (const width of WIDTHS) {
    frame.width = width;
    if (width === WIDTHS[0]) checkWidths(doc, fault);
    if (doc.documentElement.scrollWidth > frame.clientWidth)
      fault(`is wider than a window of ${width}`);
  }
  if (doc.querySelector("main")) {
    await checkAnchors(doc, fault);
    checkFigures(doc, fault);
    await checkSearch(doc, fault);
  }
}

// A made-up page with a line that is cut off, the second file lit and a figure
// that does not hear: seen?
function checkItself() {
  const seen = [];
  const line = "x".repeat(80);
  const doc = frame.contentDocument;
  doc.body.innerHTML = `<main><pre style="overflow: auto">${line}</pre>
    <a class="anchor file">a.c</a>, <a class="anchor file lit">b.c</a>
    <figure class="drawn"><svg width="9" height="9"></svg></figure></main>`;
  frame.width = 80;
  checkWidths(doc, (words) => seen.push(words));
  checkFollowed(doc, (words) => seen.push(words));
  checkFigures(doc, (words) => seen.push(words));
  if (seen.join("; ") !== `cut off at the end: ${line}; ` +
      "b.c: lit by scrolling, and it is not the first; " +
      "a figure is not made large by a click, small by Escape; " +
      "a figure is too small to be read in a narrow window")
    faults.push(`the check itself sees in a made-up page: ${seen}`);
}

async function checkAll() {
  checkItself();
  for (const page of PAGES) await checkPage(page);
  for (const {page, file, id} of wanted)
    if (!ids.has(file)) faults.push(`${page}: no page ${file}`);
    else if (id && !ids.get(file).has(decodeURIComponent(id)))
      faults.push(`${page}: ${file} has no ${id}`);
  for (const id of cited)
    if (!ids.get("handout/index.html")?.has(id))
      faults.push(`the handout has no ${id}, which the notes cite`);
}

checkAll()
  .catch((error) => faults.push(`the check itself: ${error.stack}`))
  .then(() => {
    const read =
      Object.entries(counts).map(([what, n]) => `${n} ${what}`).join(", ");
    for (const line of faults) console.log(`fault: ${line}`);
    console.log(`read: ${read}`);
  });
