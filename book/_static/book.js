/* What every page needs: scrollers that keys reach, named buttons, and a search that works from disk. */
(() => {
  "use strict";

  // Excerpts are read from the pages, which a browser does not allow from disk.
  if (location.protocol === "file:" && window.DOCUMENTATION_OPTIONS) {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  const SCROLLERS = "div.math, div.math mjx-container, table.table, table.indextable, figure:has(> .pipeline-picture), div.highlight pre, .pst-scrollable-table-container, .output, .cell_output figure";
  const letKeysScroll = () => {
    for (const part of document.querySelectorAll(SCROLLERS)) {
      if (part.scrollWidth > part.clientWidth + 1) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  };

  // On a telephone, columns of sentences may not become columns of words, and intervals do not break.
  const INTERVAL = /^[+\u2212-]?[\d.]+ (?:\u00b1|to|\()/;
  const markCells = () => {
    for (const cell of document.querySelectorAll("table.table td")) {
      const text = cell.textContent.trim();
      cell.classList.toggle("is-long", text.length > 60);
      cell.classList.toggle("is-number", text.length < 30 && INTERVAL.test(text));
    }
  };

  // Every solution's button would have the same name.
  const nameButtons = () => {
    for (const button of document.querySelectorAll(".admonition-title .toggle-button")) {
      const title = [...button.closest(".admonition-title").childNodes]
        .filter((part) => part !== button).map((part) => part.textContent).join(" ");
      button.setAttribute("aria-label", title.replace(/\s+/g, " ").trim());
    }
  };

  const sayWhy = () => {
    const results = document.querySelector("#search-results");
    if (!results || location.protocol !== "file:") return;
    const note = document.createElement("p");
    note.textContent = "Opened from disk, the search lists pages without excerpts: a browser lets no page read another there.";
    results.before(note);
  };

  document.addEventListener("DOMContentLoaded", sayWhy);
  window.addEventListener("load", () => {
    markCells();
    letKeysScroll();
    nameButtons();
    window.MathJax?.startup?.promise?.then(letKeysScroll);
    new ResizeObserver(letKeysScroll).observe(document.body);
  });
})();
