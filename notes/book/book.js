// Reading side by side: the anchor that is being read is lit in the chapter and
// in the source. Without this script the links still lead to their lines.
"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const main = document.querySelector("main");
  const pane = document.querySelector(".sources");
  const anchors = all("main a.anchor");
  // "Read beside it: A, then B": who scrolls by reads A first.
  const followed = anchors.filter((link) => !link.matches(".file") ||
    !link.previousElementSibling?.matches(".anchor.file"));
  const sections = all(".source");
  let current = -1; // in anchors; -1: none is lit
  let lit = null; // the block in the source
  let heldAt = null; // where the window stood when a click or key chose

  const place = (link) =>
    document.getElementById(decodeURIComponent(link.hash.slice(1)));

  // Shows the file of this place, and the place itself a third from the top.
  function reveal(target) {
    const section = target.closest(".source");
    if (!section) return;
    for (const other of sections) other.hidden = other !== section;
    for (const tab of all(".files a")) {
      tab.removeAttribute("aria-current");
      if (place(tab) !== section) continue;
      tab.setAttribute("aria-current", "true");
      tab.parentElement.scrollTo(tab.offsetLeft - 16, tab.offsetTop - 8);
    }
    if (lit) lit.classList.remove("lit");
    lit = target === section ? null : target;
    if (lit) lit.classList.add("lit");
    const top = target.getBoundingClientRect().top -
      pane.getBoundingClientRect().top + pane.scrollTop;
    pane.scrollTop = lit ? top - pane.clientHeight / 3 : top;
    pane.scrollLeft = 0;
  }

  function light(index) {
    if (index === current || !anchors[index]) return;
    if (anchors[current]) anchors[current].classList.remove("lit");
    current = index;
    anchors[index].classList.add("lit");
    reveal(place(anchors[index]));
  }

  // The line of the window at which one reads: above the middle; but higher at
  // the begin of the chapter and lower at its end, so that its first and last
  // anchors are reached too.
  function readingLine() {
    const height = window.innerHeight;
    const left = document.documentElement.scrollHeight - height - scrollY;
    const begun = Math.min(1, scrollY / (height / 3));
    const ending = Math.max(0, 1 - left / (height / 2));
    return height * (0.15 + 0.25 * begun + 0.55 * ending);
  }

  function follow() {
    if (heldAt !== null && Math.abs(scrollY - heldAt) < 60) return;
    heldAt = null;
    const line = readingLine();
    const above = (link) => link.getBoundingClientRect().top <= line;
    light(anchors.indexOf(followed.findLast(above)));
  }

  function step(by) {
    const index = Math.min(Math.max(current + by, 0), anchors.length - 1);
    if (!anchors[index]) return;
    const top = anchors[index].getBoundingClientRect().top;
    window.scrollBy(0, top - window.innerHeight * 0.38);
    heldAt = scrollY;
    light(index);
  }

  // --- search -----------------------------------------------------------------
  const field = document.getElementById("find");
  const said = document.querySelector("header output");
  let hits = [];
  let hit = -1;

  function forget() {
    for (const mark of hits) mark.replaceWith(...mark.childNodes);
    main.normalize();
    hits = [];
    hit = -1;
    said.value = "";
  }

  function markIn(node, words) {
    for (let at; (at = node.data.toLowerCase().indexOf(words)) >= 0;) {
      const found = node.splitText(at);
      node = found.splitText(words.length);
      const mark = document.createElement("mark");
      found.replaceWith(mark);
      mark.append(found);
      hits.push(mark);
    }
  }

  function go(by) {
    if (hits.length === 0) return;
    if (hits[hit]) hits[hit].classList.remove("now");
    hit = (hit + by + hits.length) % hits.length;
    hits[hit].classList.add("now");
    hits[hit].scrollIntoView({block: "center"});
    said.value = `${hit + 1} of ${hits.length}`;
  }

  function find() {
    const words = field.value.toLowerCase();
    forget();
    if (words.length < 2) return;
    const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode())
      if (!walker.currentNode.parentElement.closest("svg"))
        nodes.push(walker.currentNode);
    for (const node of nodes) markIn(node, words);
    if (hits.length === 0) said.value = "not found";
    go(1);
  }

  field.addEventListener("input", find);
  field.form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    if (event.key !== "Escape") return;
    field.value = "";
    forget();
    field.blur();
  });

  // --- figures: a click or f makes one as large as the window, and small ------
  function enlarge(figure) {
    const large = document.querySelector(".drawn.large");
    if (large) large.classList.remove("large");
    else if (figure) figure.classList.add("large");
  }

  // The first that is not above the middle of the window.
  function figureInView() {
    return all(".drawn").find((figure) =>
      figure.getBoundingClientRect().bottom > window.innerHeight / 2);
  }

  // --- keys, clicks, scrolling ------------------------------------------------
  document.addEventListener("keydown", (event) => {
    if (event.target === field || event.ctrlKey || event.metaKey ||
        event.altKey) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/") field.focus();
    else if (event.key === "f") enlarge(figureInView());
    else if (event.key === "Escape") enlarge();
    else if (event.key === "n" || event.key === "N")
      go(event.key === "n" ? 1 : -1);
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.anchor, .files a, a.chip");
    const contents = document.querySelector(".contents[open]");
    if (contents && !contents.contains(event.target)) contents.open = false;
    const figure = event.target.closest(".drawn");
    if (figure && getSelection().isCollapsed) enlarge(figure);
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    heldAt = scrollY;
    if (anchors.includes(link)) {
      current = anchors[current] === link ? -1 : current;
      light(anchors.indexOf(link));
    } else {
      reveal(place(link));
    }
  });

  // A page opened at PATH:PHASE:SLUG shows that place.
  function fromAddress() {
    const target = location.hash &&
      document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.closest(".source")) return false;
    const index = anchors.findIndex((link) => place(link) === target);
    if (index < 0) {
      reveal(target);
    } else {
      current = index - 1;
      step(1);
    }
    return true;
  }

  if (pane) {
    let asked = false;
    window.addEventListener("scroll", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; follow(); });
    }, {passive: true});
    window.addEventListener("hashchange", fromAddress);
    reveal(sections[0]);
    if (!fromAddress()) follow();
    // The browser goes to the place in the address by itself, and later.
    window.addEventListener("load", () => setTimeout(fromAddress));
  }
})();
